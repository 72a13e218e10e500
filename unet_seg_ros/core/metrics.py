"""Confusion matrix and the scores that follow from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import UNKNOWN_ID, ClassTable
from unet_seg_ros.core.size import ByteArray


class ConfusionMatrix:
    """
    Pixels counted by true and by predicted class.

    A true id of ``UNKNOWN_ID`` is not counted. A predicted ``UNKNOWN_ID`` is a miss of the true
    class and a hit of none.

    Parameters
    ----------
    table : ClassTable
        The classes; ids must be 0 .. len - 1.

    """

    def __init__(self, table: ClassTable) -> None:
        """Start with no pixel counted."""
        self.table = table
        # One more column: predictions of no class.
        self.counts: npt.NDArray[np.int64] = np.zeros((len(table), len(table) + 1), np.int64)

    def update(self, truth: ByteArray, predicted: ByteArray) -> None:
        """
        Count the pixels of one or several images.

        Parameters
        ----------
        truth, predicted : ndarray
            uint8 class ids of equal shape.

        Raises
        ------
        ValueError
            If the shapes differ or an id is neither a class nor ``UNKNOWN_ID``.

        """
        if truth.shape != predicted.shape:
            raise ValueError(f'truth {truth.shape} and prediction {predicted.shape} differ')
        num = len(self.table)
        known = truth != UNKNOWN_ID
        rows = truth[known].astype(np.int64)
        columns = predicted[known].astype(np.int64)
        is_miss = columns == UNKNOWN_ID
        largest = max(rows.max(initial=0), columns[~is_miss].max(initial=0))
        if largest >= num:
            raise ValueError(f'id {largest}, but {num} classes')
        columns[is_miss] = num
        flat = np.bincount(rows * (num + 1) + columns, minlength=num * (num + 1))
        self.counts += flat.reshape(num, num + 1)

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
        """Return the mean over the classes that came, nan where none did."""
        values = np.array(list(self.iou().values()))
        return float(np.nanmean(values)) if not np.isnan(values).all() else float('nan')

    def accuracy(self) -> float:
        """Return the share of pixels of the right class, nan where no pixel was counted."""
        total = self.counts.sum()
        return float(np.trace(self.counts) / total) if total else float('nan')
