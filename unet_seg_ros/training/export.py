"""From a checkpoint to the model file, which appears under its name only when it is right."""

from __future__ import annotations

import dataclasses
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from unet_seg_ros import __version__
from unet_seg_ros.core.classes import ROAD_CLASSES
from unet_seg_ros.core.contract import INPUT, METADATA_KEY, OUTPUTS, ModelContract
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.core.resize import resize_image
from unet_seg_ros.core.scoring import score
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.training.checkpoint import Trained
from unet_seg_ros.training.frames import LabelledImage
from unet_seg_ros.training.graph import ContractGraph
from unet_seg_ros.training.recipe import Recipe

#: Share of pixels on which the file must give torch's class; rounding moves some at the borders.
MIN_AGREEMENT = 0.999

OPSET = 18


def export(
    trained: Trained,
    output: Path,
    validation: Mapping[str, Sequence[LabelledImage]],
    name: str = '',
) -> ModelContract:
    """
    Write the model file, check it against torch and score it through the vehicle's path.

    Parameters
    ----------
    trained : Trained
        A loaded checkpoint.
    output : Path
        The file to write; replaced only by a file that passed.
    validation : mapping
        Real frames by source name: the check runs on them, and their scores go into the file.
    name : str
        The model's name; the recipe's where it is empty.

    Returns
    -------
    ModelContract
        What the file says of itself.

    Raises
    ------
    ModelError
        If there is no frame, or the file and torch disagree on more than 0.1 % of the pixels; no
        file is left.

    """
    frames = [image for source in validation.values() for image, _ in source]
    if not frames:
        raise ModelError(f'model file {output}: no frame to check the export on')
    contract = _contract(trained, name)
    groups = [contract.table.ids_of(names) for names in contract.groups.values()]
    graph = ContractGraph(trained.network, groups, len(contract.table)).eval()
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f'.{output.name}.part')
    try:
        _save(_to_onnx(graph, contract.input_size), contract, part)
        check_agreement(part, graph, frames)
        contract = dataclasses.replace(contract, scores=_scores(part, validation))
        _save(onnx.load(part), contract, part)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return contract


def check_agreement(path: Path, graph: ContractGraph, images: Sequence[ByteArray]) -> float:
    """
    Return the share of pixels on which a model file gives torch's class.

    Parameters
    ----------
    path : Path
        The model file; ONNX Runtime runs it.
    graph : ContractGraph
        The same in torch.
    images : sequence of ndarray
        uint8 [H, W, 3] in BGR order, of any size.

    Raises
    ------
    ModelError
        If it is less than ``MIN_AGREEMENT``.

    """
    equal = total = 0
    with open_backend(path, 'onnxruntime', precision='f32') as backend, torch.inference_mode():
        for image in images:
            batch = resize_image(image, backend.contract.input_size)[np.newaxis]
            expected = graph(torch.from_numpy(np.ascontiguousarray(batch)))[0].numpy()
            equal += int((backend.infer(batch).class_ids == expected).sum())
            total += expected.size
    agreement = equal / total
    if agreement < MIN_AGREEMENT:
        raise ModelError(
            f'export refused: the model file gives the class that torch gives on '
            f'{100 * agreement:.3f} % of {total} pixels, less than {100 * MIN_AGREEMENT:.1f} %'
        )
    return agreement


def _contract(trained: Trained, name: str) -> ModelContract:
    recipe = trained.recipe
    return ModelContract(
        name=name or recipe.name,
        input_size=recipe.input,
        table=ROAD_CLASSES.table,
        drivable=ROAD_CLASSES.drivable,
        groups={'drivable': ROAD_CLASSES.drivable},
        # Rendered scenes carry the newest table; what was recorded says more.
        carla_tags=next((s.tags for s in recipe.sources if s.folder), recipe.sources[0].tags),
        network=dataclasses.asdict(recipe.network),
        training=_provenance(recipe, trained),
    )


def _provenance(recipe: Recipe, trained: Trained) -> dict[str, Any]:
    return {
        'sources': [
            {'name': s.name, 'licence': s.licence, 'share': s.share} for s in recipe.sources
        ],
        'passes': trained.passes,
        'steps': trained.steps,
        'batch_size': recipe.batch_size,
        'seed': recipe.seed,
        'version': __version__,
        'torch': torch.__version__,
    }


def _to_onnx(graph: ContractGraph, size: ImageSize) -> onnx.ModelProto:
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


def _scores(
    path: Path, validation: Mapping[str, Sequence[LabelledImage]]
) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    with open_backend(path, 'onnxruntime', precision='f32') as backend:
        for name, frames in validation.items():
            matrix = score(backend, frames)
            iou = {**matrix.iou(), 'drivable': matrix.group_iou(ROAD_CLASSES.drivable)}
            # A class that never came has no score, and JSON has no nan.
            scores[name] = {key: round(v, 4) for key, v in iou.items() if not math.isnan(v)}
    return scores
