"""A model file computes in one precision; which file to take for another."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from unet_seg_ros.core.contract import ModelContract, read_contract
from unet_seg_ros.core.errors import EngineError, ModelError


def require_precision(path: Path, contract: ModelContract, asked: str) -> None:
    """
    Make sure that a model file computes in the precision asked for.

    Raises
    ------
    EngineError
        If it does not; the message names the file beside it that does, or how to make one.

    """
    if contract.precision == asked:
        return
    told = f'model file {path}: computes in {contract.precision}, not {asked}'
    for sibling in sorted(path.parent.glob('*.onnx')):
        with suppress(ModelError):
            other = read_contract(sibling)
            if (other.name, other.precision) == (contract.name, asked):
                raise EngineError(f'{told}: use {sibling}')
    raise EngineError(f'{told}: make such a file with `unet-seg export --precision {asked}`')
