"""Whether a model file says what torch says: counted on real frames before it may be used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unet_seg_ros.core.backend import Backend, EngineOptions
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.metrics import ConfusionMatrix, without_nan
from unet_seg_ros.core.scoring import score_predictions
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.inference import open_backend
from unet_seg_ros.training.frames import SourceFrames
from unet_seg_ros.training.graph import ContractGraph

#: Least share of the pixels of each data set on which a file must give torch's class. Rounding
#: moves some at the borders: on Town02's 400 validation frames all agreed in fp32, 0.99997 in
#: fp16 and 0.9986 in int8.
MIN_AGREEMENT = {'fp32': 0.999, 'fp16': 0.995, 'int8': 0.98}

#: By how much a file's mean IoU on each data set may be below torch's; there it was by nothing in
#: fp16 and by 0.0006 in int8.
MAX_IOU_LOSS = {'fp32': 0.001, 'fp16': 0.002, 'int8': 0.01}


@dataclass(frozen=True)
class Answers:
    """
    What torch makes of one data set.

    Attributes
    ----------
    frames : SourceFrames
        The data set.
    ids : list of ndarray
        Class ids of each frame, uint8 [H, W], at the network's size.
    mean_iou : float
        At the labels' size.

    """

    frames: SourceFrames
    ids: list[ByteArray]
    mean_iou: float


def ask_torch(graph: ContractGraph, network: NetworkInput, frames: SourceFrames) -> Answers:
    """
    Return what torch makes of a data set, for files of all precisions to be compared with.

    Parameters
    ----------
    graph : ContractGraph
        The network in fp32, in evaluation mode.
    network : NetworkInput
        How images come to it.
    frames : SourceFrames
        The data set.

    """
    answers: list[ByteArray] = []

    def predict(images: ByteArray) -> ByteArray:
        ids: ByteArray = graph(torch.from_numpy(np.ascontiguousarray(images)))[0].numpy()
        answers.append(ids[0])
        return ids

    with torch.inference_mode():
        matrix = score_predictions(predict, network, frames.labels, iter(frames))
    return Answers(frames, answers, matrix.mean_iou())


def compare(
    path: Path, expected: Mapping[str, Answers]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, float]]]:
    """
    Run a model file, by ONNX Runtime, on the frames that torch was asked about.

    Parameters
    ----------
    path : Path
        The model file.
    expected : mapping
        What torch makes of each data set, by name.

    Returns
    -------
    tuple of mapping
        The contract's ``check`` and ``scores``.

    Raises
    ------
    ModelError
        If the file agrees with torch less than ``MIN_AGREEMENT``, or its mean IoU is below
        torch's by more than ``MAX_IOU_LOSS``.

    """
    check, scores = {}, {}
    with open_backend(path, 'onnxruntime', EngineOptions(precision='fp32')) as backend:
        for name, answers in expected.items():
            agreement, matrix = _ask(backend, answers)
            found = {
                'agreement': agreement,
                'mean_iou': matrix.mean_iou(),
                'torch_mean_iou': answers.mean_iou,
            }
            _refuse_worse(backend.contract.precision, name, found)
            check[name] = without_nan({key: round(v, 5) for key, v in found.items()})
            iou = {**matrix.iou(), 'drivable': matrix.group_iou(backend.contract.drivable)}
            # A class that never came has no score, and JSON has no nan.
            scores[name] = {key: round(v, 4) for key, v in iou.items() if not math.isnan(v)}
    return check, scores


def _ask(backend: Backend, answers: Answers) -> tuple[float, ConfusionMatrix]:
    """Return the share of pixels on which the file agrees, and its scores."""
    expected: Iterator[ByteArray] = iter(answers.ids)
    equal: list[float] = []

    def predict(images: ByteArray) -> ByteArray:
        ids = backend.infer(images).class_ids
        equal.append(float((ids[0] == next(expected)).mean()))
        return ids

    frames = answers.frames
    network = NetworkInput(backend.contract.input_size, backend.contract.fit)
    matrix = score_predictions(predict, network, frames.labels, iter(frames))
    return float(np.mean(equal)), matrix


def _refuse_worse(precision: str, name: str, found: Mapping[str, float]) -> None:
    least, loss = MIN_AGREEMENT[precision], MAX_IOU_LOSS[precision]
    if found['agreement'] < least:
        raise ModelError(
            f'export refused: on {name} the {precision} file gives the class that torch gives on '
            f'{100 * found["agreement"]:.3f} % of the pixels, less than {100 * least:.1f} %'
        )
    if found['torch_mean_iou'] - found['mean_iou'] > loss:
        raise ModelError(
            f'export refused: on {name} the mean IoU of the {precision} file is '
            f'{found["mean_iou"]:.4f}, below the {found["torch_mean_iou"]:.4f} of torch by more '
            f'than {loss}'
        )
