"""Scores of a model on labelled frames, taken the way the vehicle would see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from unet_seg_ros.core.backend import Backend
from unet_seg_ros.core.class_sets import LabelMap
from unet_seg_ros.core.classes import UNKNOWN_ID
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.metrics import ConfusionMatrix
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
        lambda images: backend.infer(images).class_ids,
        NetworkInput(contract.input_size, contract.fit),
        labels,
        frames,
    )


def score_predictions(
    predict: Predict,
    network: NetworkInput,
    labels: LabelMap,
    frames: Iterable[tuple[ByteArray, ByteArray]],
) -> ConfusionMatrix:
    """
    Count what any predictor makes of labelled frames; otherwise as `score`.

    Parameters
    ----------
    predict : callable
        Maps images, uint8 [1, H, W, 3] in BGR order and of the input size, to class ids.
    network : NetworkInput
        How images come to the predictor.
    labels : LabelMap
        As in `score`.
    frames : iterable of (image, tags)
        As in `score`.

    """
    matrix = ConfusionMatrix(labels.table)
    for image, tags in frames:
        ids = predict(network.geometry(ImageSize.of(image)).to_network(image)[np.newaxis])[0]
        predicted = network.geometry(ImageSize.of(tags)).ids_to_output(ids, outside=UNKNOWN_ID)
        matrix.update(labels.truth(tags, predicted), predicted)
    return matrix
