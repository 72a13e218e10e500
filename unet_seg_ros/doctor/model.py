"""The model file: whether it can be read, and what it says of itself."""

from __future__ import annotations

from pathlib import Path

from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.core.finding import Finding, fail, ok


def check_model(path: Path) -> Finding:
    """Read a model file's contract and compare it with its graph."""
    try:
        contract = read_contract(path)
    except ModelError as e:
        return fail('model', str(e))
    except OSError as e:
        return fail(
            'model', f'model file {path}: cannot be read: {e.strerror}', 'let this user read it'
        )
    return ok(
        'model',
        f'{contract.name}, {contract.precision}, input {contract.input_size}, '
        f'classes {", ".join(contract.table.names)}; drivable: '
        f'{", ".join(contract.drivable) or "none"}; {path}',
    )
