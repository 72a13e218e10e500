"""How well the outlines of classes are met, which IoU hardly shows for large ones."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.class_sets import LabelMap
from unet_seg_ros.core.size import ByteArray

#: How far a boundary pixel may lie from the other boundary, as a share of the image diagonal.
#: Source: Csurka, Larlus and Perronnin, What is a good evaluation measure for semantic
#: segmentation?, BMVC 2013.
TOLERANCE = 0.0075

# A pixel has four neighbours: a boundary is as thin as it can be.
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class BoundaryScores:
    """
    The boundary F-score of each class, averaged over the images in which the class occurs.

    An image counts for a class where its labels hold the class for certain, and where either the
    truth or the prediction has a boundary of it.

    Parameters
    ----------
    labels : LabelMap
        What the tags mean. A pixel that may or may not be of a class does not count for it: a
        boundary against it is none.

    """

    def __init__(self, labels: LabelMap) -> None:
        """Start with no image."""
        self._names = labels.table.names
        bits = np.uint32(1) << np.arange(len(labels.table), dtype=np.uint32)[:, np.newaxis]
        possible = labels.possible[np.newaxis]
        # By class and tag, uint8 [K, 256].
        self._inside = (possible == bits).astype(np.uint8)
        self._outside = ((possible != 0) & (possible & bits == 0)).astype(np.uint8)
        self._sums = np.zeros(len(labels.table))
        self._num_images = np.zeros(len(labels.table), np.int64)

    def update(self, tags_hw: ByteArray, predicted_hw: ByteArray) -> None:
        """
        Add an image.

        Parameters
        ----------
        tags_hw, predicted_hw : ndarray
            uint8 [H, W], tags of the recording and class ids of a prediction.

        """
        present = self._inside[:, np.unique(tags_hw)].any(axis=1)
        for k in np.flatnonzero(present):
            inside, outside = self._inside[k][tags_hw], self._outside[k][tags_hw]
            score = boundary_f(inside, outside, (predicted_hw == k).astype(np.uint8))
            if not np.isnan(score):
                self._sums[k] += score
                self._num_images[k] += 1

    def mean_by_class(self) -> dict[str, float]:
        """Return the mean per class, 0 to 1; nan where a class never had a boundary."""
        return {
            name: float(total / num) if num else float('nan')
            for name, total, num in zip(self._names, self._sums, self._num_images, strict=True)
        }


def boundary_f(inside_hw: ByteArray, outside_hw: ByteArray, predicted_hw: ByteArray) -> float:
    """
    Return the boundary F-score of one class in one image.

    Precision is the share of predicted boundary pixels that lie near the true boundary, recall
    that of true ones near the predicted; near is within ``TOLERANCE``, at least one pixel.

    Parameters
    ----------
    inside_hw, outside_hw : ndarray
        uint8 [H, W], 1 where the truth is of the class and where it is not; both are 0 where a
        pixel does not count.
    predicted_hw : ndarray
        uint8 [H, W], 1 where the prediction is of the class.

    Returns
    -------
    float
        Their harmonic mean, 0 to 1; nan where neither has a boundary.

    """
    counts = inside_hw | outside_hw
    true_edge = _edge(inside_hw, outside_hw)
    predicted_edge = _edge(predicted_hw & counts, ~predicted_hw & counts)
    num_true, num_predicted = cv2.countNonZero(true_edge), cv2.countNonZero(predicted_edge)
    if not num_true and not num_predicted:
        return float('nan')
    if not num_true or not num_predicted:
        return 0.0
    # Distances are costly; outside this box there is nothing to measure.
    left, top, width, height = cv2.boundingRect(true_edge | predicted_edge)
    box = slice(top, top + height), slice(left, left + width)
    true_edge, predicted_edge = true_edge[box], predicted_edge[box]
    tolerance_px = max(1.0, TOLERANCE * float(np.hypot(*inside_hw.shape)))
    precision = _num_near(predicted_edge, true_edge, tolerance_px) / num_predicted
    recall = _num_near(true_edge, predicted_edge, tolerance_px) / num_true
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _edge(inside: ByteArray, outside: ByteArray) -> ByteArray:
    """Return the pixels inside that have a neighbour outside; the picture's rim is no edge."""
    return inside & cast(ByteArray, cv2.dilate(outside, _CROSS))


def _num_near(edge: ByteArray, other: ByteArray, tolerance_px: float) -> int:
    distance_px = cast(
        npt.NDArray[np.float32],
        cv2.distanceTransform(1 - other, cv2.DIST_L2, cv2.DIST_MASK_PRECISE),
    )
    return int(np.count_nonzero(distance_px[edge.view(bool)] <= tolerance_px))
