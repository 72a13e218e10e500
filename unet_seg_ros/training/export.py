"""From a checkpoint to the model file, which appears under its name only when it is right."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch

from unet_seg_ros import __version__
from unet_seg_ros.core.contract import INPUT, METADATA_KEY, OUTPUTS, ModelContract
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.agreement import Answers, ask_torch, compare
from unet_seg_ros.training.assessment import Candidate, fit_temperature, logits_of_network
from unet_seg_ros.training.checkpoint import Trained
from unet_seg_ros.training.frames import Progress, SourceFrames
from unet_seg_ros.training.graph import ContractGraph, fold_batch_norms, in_half_precision
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.quantization import calibration_images, quantize, with_unit_joins
from unet_seg_ros.training.recipe import Recipe

OPSET = 18


def export(
    trained: Trained,
    outputs: Mapping[str, Path],
    validation: Mapping[str, SourceFrames],
    name: str = '',
    progress: Progress = lambda what, done, of: None,
) -> dict[str, ModelContract]:
    """
    Write model files, check them against torch and score them through the vehicle's path.

    Parameters
    ----------
    trained : Trained
        A loaded checkpoint.
    outputs : mapping
        The file to write by its precision, one of ``PRECISIONS``; each is replaced only by a file
        that passed.
    validation : mapping
        Real frames by source name: the temperature and the ranges of int8 are fitted to them, the
        check runs on them, and their scores go into the file.
    name : str
        The model's name; the recipe's where it is empty.
    progress : callable
        Told of the frames as the temperature is fitted.

    Returns
    -------
    dict
        What each file says of itself, by precision.

    Raises
    ------
    ModelError
        If there is no frame, or a file is worse than `agreement` allows: that one and those after
        it are not written.

    """
    validation = {name: frames for name, frames in validation.items() if len(frames)}
    if not validation:
        raise ModelError('export refused: no frame to check it on')
    contract = _contract(trained, name)
    network_input = trained.recipe.network_input
    candidate = Candidate(
        logits_of_network(trained.network), network_input, trained.recipe.class_set
    )
    temperature = fit_temperature(candidate, list(validation.values()), progress)
    contract = dataclasses.replace(contract, temperature=temperature)
    graph = _graph(trained.network, contract)
    expected = {
        name: ask_torch(graph, network_input, frames) for name, frames in validation.items()
    }
    network = fold_batch_norms(trained.network)
    written = {}
    for precision, output in outputs.items():
        told = dataclasses.replace(contract, precision=precision)
        model = _convert(network, told, list(validation.values()))
        written[precision] = _write(model, told, output, expected)
    return written


def _convert(
    network: PixelNetwork, contract: ModelContract, validation: Sequence[SourceFrames]
) -> onnx.ModelProto:
    size = contract.input_size
    if contract.precision == 'fp16':
        network = in_half_precision(network)
    if contract.precision != 'int8':
        return to_onnx(_graph(network, contract), size)
    images = calibration_images(validation, NetworkInput(size, contract.fit))
    network = with_unit_joins(network, images)
    return quantize(to_onnx(_graph(network, contract), size), images)


def _write(
    model: onnx.ModelProto, contract: ModelContract, output: Path, expected: Mapping[str, Answers]
) -> ModelContract:
    """Write one file, under its name only when it passed the check."""
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f'.{output.name}.part')
    try:
        _save(model, contract, part)
        check, scores = compare(part, expected)
        contract = dataclasses.replace(contract, check=check, scores=scores)
        _save(model, contract, part)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return contract


def _graph(network: PixelNetwork, contract: ModelContract) -> ContractGraph:
    groups = [contract.table.ids_of(names) for names in contract.groups.values()]
    return ContractGraph(network, groups, len(contract.table), contract.temperature).eval()


def _contract(trained: Trained, name: str) -> ModelContract:
    recipe, classes = trained.recipe, trained.recipe.class_set
    return ModelContract(
        name=name or recipe.name,
        input_size=recipe.input,
        table=classes.table,
        drivable=classes.drivable,
        groups=classes.groups,
        # Rendered scenes carry the newest table; what was recorded says more.
        carla_tags=next((s.table for s in recipe.sources if s.folder), recipe.sources[0].table),
        network=dataclasses.asdict(recipe.network),
        training=_provenance(recipe, trained),
        fit=recipe.fit,
    )


def _provenance(recipe: Recipe, trained: Trained) -> dict[str, Any]:
    told = {entry['name']: entry for entry in trained.data['training']}
    recorded = {
        name for source in recipe.sources if source.folder for name in told[source.name]['classes']
    }
    return {
        'sources': [
            {**told[s.name], 'licence': s.licence, 'share': s.share} for s in recipe.sources
        ],
        'validation': trained.data['validation'],
        # No camera and no simulator showed these: only this package's own renderer.
        'experimental': [n for n in recipe.class_set.table.names if n not in recorded],
        'passes': trained.passes,
        'steps': trained.steps,
        'batch_size': recipe.batch_size,
        'seed': recipe.seed,
        'version': __version__,
        'torch': torch.__version__,
    }


def to_onnx(graph: ContractGraph, size: ImageSize) -> onnx.ModelProto:
    """
    Return a graph as an ONNX model of any batch size; it carries no contract yet.

    Parameters
    ----------
    graph : ContractGraph
        In evaluation mode.
    size : ImageSize
        The input size [px].

    """
    # Two images: the exporter takes an axis of length 1 for a constant.
    example = torch.zeros(2, *size, 3, dtype=torch.uint8)
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={'image': {0: torch.export.Dim('batch')}},
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _save(model: onnx.ModelProto, contract: ModelContract, path: Path) -> None:
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
