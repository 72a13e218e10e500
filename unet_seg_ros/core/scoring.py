"""Scores of a model on labelled frames, taken the way the vehicle would see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from unet_seg_ros.core.backend import Backend
from unet_seg_ros.core.class_sets import LabelMap
from unet_seg_ros.core.metrics import ConfusionMatrix
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize

#: From images uint8 [N, H, W, 3] in BGR order to class ids uint8 [N, H, W].
Predict = Callable[[ByteArray], ByteArray]


def score(
    backend: Backend, labels: LabelMap, frames: Iterable[tuple[ByteArray, ByteArray]]
) -> ConfusionMatrix:
    """
    Count what an engine makes of labelled frames, at the labels' own resolution.

    Parameters
    ----------
    backend : Backend
        An open engine.
    labels : LabelMap
        What the frames' tags mean in the model's classes.
    frames : iterable of (image, tags)
        uint8 [H, W, 3] in BGR order and uint8 [h, w]; every frame may have another size.

    Returns
    -------
    ConfusionMatrix
        The counts over all frames.

    """
    contract = backend.contract
    return score_predictions(
        lambda images: backend.infer(images).class_ids, contract.input_size, labels, frames
    )


def score_predictions(
    predict: Predict,
    input_size: ImageSize,
    labels: LabelMap,
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
    labels : LabelMap
        As in `score`.
    frames : iterable of (image, tags)
        As in `score`.

    """
    matrix = ConfusionMatrix(labels.table)
    for image, tags in frames:
        ids = predict(resize_image(image, input_size)[np.newaxis])[0]
        predicted = resize_ids(ids, ImageSize.of(tags))
        matrix.update(labels.truth(tags, predicted), predicted)
    return matrix
