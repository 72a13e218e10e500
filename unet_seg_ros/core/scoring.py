"""Scores of a model on labelled frames, taken the way the vehicle would see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from unet_seg_ros.core.backend import Backend
from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.metrics import ConfusionMatrix
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize

#: From images uint8 [N, H, W, 3] in BGR order to class ids uint8 [N, H, W].
Predict = Callable[[ByteArray], ByteArray]


def score(backend: Backend, frames: Iterable[tuple[ByteArray, ByteArray]]) -> ConfusionMatrix:
    """
    Count what an engine makes of labelled frames, at the labels' own resolution.

    Parameters
    ----------
    backend : Backend
        An open engine.
    frames : iterable of (image, ids)
        uint8 [H, W, 3] in BGR order and uint8 [h, w] in the ids of the model's classes, with
        ``UNKNOWN_ID`` where a pixel does not count; every frame may have another size.

    Returns
    -------
    ConfusionMatrix
        The counts over all frames.

    """
    contract = backend.contract
    return score_predictions(
        lambda images: backend.infer(images).class_ids, contract.input_size, contract.table, frames
    )


def score_predictions(
    predict: Predict,
    input_size: ImageSize,
    table: ClassTable,
    frames: Iterable[tuple[ByteArray, ByteArray]],
) -> ConfusionMatrix:
    """
    Count what any predictor makes of labelled frames; otherwise as `score`.

    Parameters
    ----------
    predict : callable
        Maps images, uint8 [1, H, W, 3] in BGR order and of the input size, to class ids.
    input_size : ImageSize
        The size that images are resized to.
    table : ClassTable
        The predictor's classes.
    frames : iterable of (image, ids)
        As in `score`.

    """
    matrix = ConfusionMatrix(table)
    for image, truth in frames:
        ids = predict(resize_image(image, input_size)[np.newaxis])[0]
        matrix.update(truth, resize_ids(ids, ImageSize.of(truth)))
    return matrix
