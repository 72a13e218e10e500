"""What an assessment found: plain figures, their JSON, and the pictures of the worst frames."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unet_seg_ros.core.class_sets import CLASS_SETS, ClassSet
from unet_seg_ros.core.metrics import ConfusionMatrix, without_nan
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.training.calibration import Reliability


@dataclass(frozen=True)
class DrivableShare:
    """
    How much of something came out drivable.

    Attributes
    ----------
    num_pixels, num_drivable : int
        All its pixels, and those that came out drivable.
    is_drivable : bool
        Whether it is.

    """

    num_pixels: int
    num_drivable: int
    is_drivable: bool

    @property
    def share(self) -> float:
        """The share that came out drivable, 0 to 1; nan without a pixel."""
        return self.num_drivable / self.num_pixels if self.num_pixels else float('nan')


@dataclass(frozen=True)
class WorstFrame:
    """
    A frame of a low score.

    Attributes
    ----------
    name : str
        Its name in its source.
    mean_iou : float
        Mean over the classes that its truth holds.
    image : ndarray
        uint8 [H, W, 3] in BGR order.
    truth, predicted : ndarray
        uint8 [h, w], class ids; ``UNKNOWN_ID`` where the label leaves the class open.

    """

    name: str
    mean_iou: float
    image: ByteArray
    truth: ByteArray
    predicted: ByteArray


class WorstFrames:
    """
    The frames of the lowest mean IoU so far; no other is held.

    Parameters
    ----------
    count : int
        How many to hold.

    """

    def __init__(self, count: int) -> None:
        """Start without a frame."""
        self._count = count
        # The best of those held is on top, of equal ones the latest.
        self._heap: list[tuple[float, int, WorstFrame]] = []
        self._num_offered = 0

    def offer(self, frame: WorstFrame) -> None:
        """Hold a frame if it is one of the worst; one without a score is none."""
        self._num_offered += 1
        if math.isnan(frame.mean_iou):
            return
        heapq.heappush(self._heap, (-frame.mean_iou, -self._num_offered, frame))
        if len(self._heap) > self._count:
            heapq.heappop(self._heap)

    def frames(self) -> tuple[WorstFrame, ...]:
        """Return them, the worst first."""
        return tuple(frame for *_, frame in sorted(self._heap, key=lambda e: e[:2], reverse=True))


@dataclass(frozen=True)
class Assessment:
    """
    What a network makes of the labelled frames of one source.

    Attributes
    ----------
    classes : ClassSet
        The network's classes.
    num_frames : int
        How many frames were seen.
    confusion : ConfusionMatrix
        At the labels' own resolution.
    boundary_f : mapping
        Boundary F-score per class, 0 to 1; nan where there was no boundary.
    temperature : float
        The logits' divisor.
    reliability : tuple of Reliability
        Before and after the temperature.
    drivable_by_tag : mapping
        For each tag of the recording that came, how much of it came out drivable.
    worst : tuple of WorstFrame
        The frames of the lowest mean IoU, the lowest first; not in the JSON but by name.

    """

    classes: ClassSet
    num_frames: int
    confusion: ConfusionMatrix
    boundary_f: Mapping[str, float]
    temperature: float
    reliability: tuple[Reliability, Reliability]
    drivable_by_tag: Mapping[str, DrivableShare]
    worst: tuple[WorstFrame, ...] = ()

    @property
    def drivable_iou(self) -> float:
        """The IoU of the drivable classes taken as one, nan where none came."""
        return self.confusion.group_iou(self.classes.drivable)

    @property
    def mean_boundary_f(self) -> float:
        """The mean boundary F-score over the classes that have one, nan where none has."""
        values = np.array(list(self.boundary_f.values()))
        return float(np.nanmean(values)) if not np.isnan(values).all() else float('nan')

    @property
    def drivable_by_class(self) -> dict[str, DrivableShare]:
        """For each class how much of it came out drivable, where its pixels are known to be so."""
        drivable = list(self.classes.table.ids_of(self.classes.drivable))
        rows = self.confusion.counts[: len(self.classes.table)]
        return {
            name: DrivableShare(
                int(row.sum()), int(row[drivable].sum()), name in self.classes.drivable
            )
            for name, row in zip(self.classes.table.names, rows, strict=True)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values; a figure that is not known is None."""
        before, after = self.reliability
        return without_nan(
            {
                'class_set': self.classes.name,
                'num_frames': self.num_frames,
                'mean_iou': self.confusion.mean_iou(),
                'drivable_iou': self.drivable_iou,
                'iou': self.confusion.iou(),
                'mean_boundary_f': self.mean_boundary_f,
                'boundary_f': self.boundary_f,
                'temperature': self.temperature,
                'reliability': {'before': before.to_dict(), 'after': after.to_dict()},
                'drivable_by_tag': _shares_to_dict(self.drivable_by_tag),
                'drivable_by_class': _shares_to_dict(self.drivable_by_class),
                'worst': {frame.name: frame.mean_iou for frame in self.worst},
                'confusion': self.confusion.counts.tolist(),
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Assessment:
        """Read back what `to_dict` gave, without the worst frames, of a set in ``CLASS_SETS``."""
        classes = CLASS_SETS[data['class_set']]
        confusion = ConfusionMatrix(classes.table)
        confusion.counts[:] = data['confusion']
        return cls(
            classes=classes,
            num_frames=data['num_frames'],
            confusion=confusion,
            boundary_f={
                name: float('nan') if score is None else score
                for name, score in data['boundary_f'].items()
            },
            temperature=data['temperature'],
            reliability=(
                Reliability.from_dict(data['reliability']['before']),
                Reliability.from_dict(data['reliability']['after']),
            ),
            drivable_by_tag={
                name: DrivableShare(s['num_pixels'], s['num_drivable'], s['is_drivable'])
                for name, s in data['drivable_by_tag'].items()
            },
        )


def _shares_to_dict(shares: Mapping[str, DrivableShare]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            'num_pixels': s.num_pixels,
            'num_drivable': s.num_drivable,
            'is_drivable': s.is_drivable,
            'share': s.share,
        }
        for name, s in shares.items()
    }
