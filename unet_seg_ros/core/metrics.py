"""Confusion matrix and the scores that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import UNKNOWN_ID, ClassTable
from unet_seg_ros.core.size import ByteArray

# OpenCV gives its counts in float32, which holds every whole number up to here.
_MAX_PIXELS = 1 << 24


class ConfusionMatrix:
    """
    Pixels counted by true and by predicted class.

    A true id of ``UNKNOWN_ID`` is not counted. A predicted ``UNKNOWN_ID`` is a miss of the true
    class and a hit of none. A true id of K, the number of classes, is a class that is not known
    but for not being the predicted one, as ``LabelMap.truth`` gives it: a miss of the prediction.

    Attributes
    ----------
    counts : ndarray
        int64 [K + 1, K + 1], true by predicted; the last row is the true id K, the last column
        predictions of no class.

    Parameters
    ----------
    table : ClassTable
        The classes; ids must be 0 .. len - 1.

    """

    def __init__(self, table: ClassTable) -> None:
        """Start with no pixel counted."""
        self.table = table
        self.counts: npt.NDArray[np.int64] = np.zeros((len(table) + 1,) * 2, np.int64)

    def update(self, truth: ByteArray, predicted: ByteArray) -> None:
        """
        Count the pixels of one or several images.

        Parameters
        ----------
        truth, predicted : ndarray
            uint8 class ids of equal shape; the truth may hold ``UNKNOWN_ID`` and K as well.

        Raises
        ------
        ValueError
            If the shapes differ or an id is not one of these.

        """
        if truth.shape != predicted.shape:
            raise ValueError(f'truth {truth.shape} and prediction {predicted.shape} differ')
        pairs = _count_pairs(truth.reshape(-1), predicted.reshape(-1))
        pairs[UNKNOWN_ID] = 0
        num = len(self.table)
        known = pairs[: num + 1, [*range(num), UNKNOWN_ID]]
        if known.sum() < pairs.sum():
            true_ids, predicted_ids = (np.flatnonzero(pairs.sum(axis)).tolist() for axis in (1, 0))
            raise ValueError(f'ids {true_ids} and {predicted_ids} do not fit {num} classes')
        self.counts += known

    def iou(self) -> dict[str, float]:
        """Return the intersection over union per class, 0 to 1; nan where a class never came."""
        names = self.table.names
        return {name: self.group_iou((name,)) for name in names}

    def group_iou(self, names: tuple[str, ...]) -> float:
        """Return the intersection over union of some classes taken as one, such as drivable."""
        ids = list(self.table.ids_of(names))
        hit = self.counts[np.ix_(ids, ids)].sum()
        union = self.counts[ids, :].sum() + self.counts[:, ids].sum() - hit
        return float(hit / union) if union else float('nan')

    def mean_iou(self) -> float:
        """
        Return the mean over the classes that the truth holds, nan where it holds none.

        A class that it does not hold is left out however few pixels were taken for it: one of
        them would else turn nothing into an IoU of 0.
        """
        num = len(self.table)
        is_true = self.counts[:num].sum(axis=1) > 0
        values = np.array(list(self.iou().values()))[is_true]
        return float(values.mean()) if values.size else float('nan')

    def accuracy(self) -> float:
        """Return the share of pixels of the right class, nan where no pixel was counted."""
        total = self.counts.sum()
        return float(np.trace(self.counts) / total) if total else float('nan')


def without_nan(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures for JSON, which has no nan: None in its place, in inner mappings too."""
    return {name: _known(value) for name, value in figures.items()}


def _known(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_nan(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def _count_pairs(truth: ByteArray, predicted: ByteArray) -> npt.NDArray[np.int64]:
    pairs = np.zeros((256, 256), np.int64)
    for start in range(0, truth.size, _MAX_PIXELS):
        images = [ids[start : start + _MAX_PIXELS] for ids in (truth, predicted)]
        pairs += cv2.calcHist(images, [0, 1], None, [256, 256], [0, 256, 0, 256]).astype(np.int64)
    return pairs
