"""One pass of a network over labelled frames, and what it shows beyond a mean IoU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unet_seg_ros.core.class_sets import ClassSet, LabelMap
from unet_seg_ros.core.classes import UNKNOWN_ID, ClassTable
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.metrics import ConfusionMatrix
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.training.boundary import BoundaryScores
from unet_seg_ros.training.calibration import (
    Reliability,
    best_temperature,
    draw_pixels,
    known_pixels,
)
from unet_seg_ros.training.findings import Assessment, DrivableShare, WorstFrame, WorstFrames
from unet_seg_ros.training.frames import Progress

#: From images, uint8 [N, H, W, 3] in BGR order and of the input size, to float [N, K, H, W].
LogitsOf = Callable[[ByteArray], Tensor]

NUM_WORST = 6

# One by one, a small network's threads would mostly wait for each other.
_BATCH = 8

# What the drawn pixels' logits and two passing copies of them may take [B].
_FIT_BYTES = 150_000_000
_MAX_FIT_PIXELS = 1 << 18


@dataclass(frozen=True)
class Candidate:
    """
    A network to be assessed.

    Attributes
    ----------
    logits_of : callable
        Runs it.
    network : NetworkInput
        How images come to it.
    classes : ClassSet
        What it tells apart.
    temperature : float
        Its logits are divided by it before the softmax.

    """

    logits_of: LogitsOf
    network: NetworkInput
    classes: ClassSet
    temperature: float = 1.0


class LabelledFrames(Protocol):
    """The frames of one source, read one by one; ``training.frames.SourceFrames`` are such."""

    @property
    def name(self) -> str:
        """The source's name."""

    @property
    def names(self) -> Sequence[str]:
        """The name of each frame."""

    @property
    def tags(self) -> ClassTable:
        """The names of the recording's tags."""

    @property
    def labels(self) -> LabelMap:
        """What the tags mean in the network's classes."""

    def __len__(self) -> int:
        """Return the number of frames."""

    def __getitem__(self, index: int, /) -> tuple[ByteArray, ByteArray]:
        """Return an image, uint8 [H, W, 3] in BGR order, and its tags, uint8 [h, w]."""


def logits_of_network(network: nn.Module) -> LogitsOf:
    """Return how to run a ``PixelNetwork`` that is in evaluation mode."""

    def logits_of(images_nhwc: ByteArray) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = network(torch.from_numpy(np.ascontiguousarray(images_nhwc)))
            return logits.float()

    return logits_of


def fit_temperature(
    candidate: Candidate, sources: Sequence[LabelledFrames], progress: Progress
) -> float:
    """
    Return the temperature of the least NLL on validation frames; the same frames give the same.

    Parameters
    ----------
    candidate : Candidate
        The network; its own temperature does not matter.
    sources : sequence of LabelledFrames
        As many pixels are drawn from each frame of each of them; they take less than 200 MB.
    progress : callable
        Called before each frame.

    Returns
    -------
    float
        From 0.25 to 8; 1 where no pixel has a known class.

    """
    num_classes = len(candidate.classes.table)
    limit = min(_MAX_FIT_PIXELS, _FIT_BYTES // (3 * 4 * num_classes))
    count = limit // max(1, sum(len(source) for source in sources))
    rng = np.random.default_rng(0)
    drawn = [(torch.zeros(0, num_classes), torch.zeros(0, dtype=torch.int64))]
    for source in sources:
        for _, tags, logits in _run(candidate, source, 'fitting the temperature on', progress):
            truth = _truth_at_input(candidate, source.labels, tags)
            drawn.append(draw_pixels(logits, truth, count, rng))
    return best_temperature(*(torch.cat(parts) for parts in zip(*drawn, strict=True)))


def assess(
    candidate: Candidate,
    source: LabelledFrames,
    progress: Progress,
    num_worst: int = NUM_WORST,
) -> Assessment:
    """
    Run a network over labelled frames, one after the other.

    Classes are compared at the labels' own resolution, as in ``core.scoring``. Calibration is
    taken on the network's own pixels, each with the label nearest to it.

    Parameters
    ----------
    candidate : Candidate
        The network.
    source : LabelledFrames
        The frames; all but the worst are let go.
    progress : callable
        Called before each frame.
    num_worst : int
        How many of the worst frames to keep with their pictures.

    """
    counts = _Counts(candidate, source.labels)
    worst = WorstFrames(num_worst)
    run = _run(candidate, source, 'assessing on', progress)
    for name, (image, tags, logits) in zip(source.names, run, strict=True):
        predicted, score = counts.add(logits, tags)
        worst.offer(WorstFrame(name, score, image, source.labels.classes[tags], predicted))
    return Assessment(
        classes=candidate.classes,
        num_frames=len(source),
        confusion=counts.matrix,
        boundary_f=counts.boundaries.mean_by_class(),
        temperature=candidate.temperature,
        reliability=(counts.before, counts.after),
        drivable_by_tag=counts.drivable_by_tag(source.tags),
        worst=worst.frames(),
    )


class _Counts:
    """All that is summed over the frames of a source."""

    def __init__(self, candidate: Candidate, labels: LabelMap) -> None:
        self._candidate = candidate
        self._labels = labels
        self.matrix = ConfusionMatrix(candidate.classes.table)
        self.boundaries = BoundaryScores(labels)
        self.before, self.after = Reliability(), Reliability()
        classes = candidate.classes
        self._is_drivable = np.isin(np.arange(256), classes.table.ids_of(classes.drivable))
        # All pixels of each tag, and those that came out drivable.
        self._num_pixels: npt.NDArray[np.int64] = np.zeros(256, np.int64)
        self._num_drivable: npt.NDArray[np.int64] = np.zeros(256, np.int64)

    def add(self, logits: Tensor, tags: ByteArray) -> tuple[ByteArray, float]:
        """Count a frame of logits [K, H, W]; return its classes [h, w] and its mean IoU."""
        ids = logits.argmax(0).numpy().astype(np.uint8)
        geometry = self._candidate.network.geometry(ImageSize.of(tags))
        predicted = geometry.ids_to_output(ids, outside=UNKNOWN_ID)
        matrix = ConfusionMatrix(self.matrix.table)
        matrix.update(self._labels.truth(tags, predicted), predicted)
        self.matrix.counts += matrix.counts
        self.boundaries.update(tags, predicted)
        self._num_pixels += np.bincount(tags.reshape(-1), minlength=256)
        self._num_drivable += np.bincount(tags[self._is_drivable[predicted]], minlength=256)
        known, truth = known_pixels(logits, _truth_at_input(self._candidate, self._labels, tags))
        self.before.update(known, truth)
        self.after.update(known / self._candidate.temperature, truth)
        return predicted, _mean_iou_of_present(matrix)

    def drivable_by_tag(self, tags: ClassTable) -> dict[str, DrivableShare]:
        """Return the shares of the tags that came."""
        return {
            tag.name: DrivableShare(
                int(self._num_pixels[tag.id]),
                int(self._num_drivable[tag.id]),
                bool(self._is_drivable[self._labels.classes[tag.id]]),
            )
            for tag in tags.classes
            if self._num_pixels[tag.id]
        }


def _run(
    candidate: Candidate, source: LabelledFrames, doing: str, progress: Progress
) -> Iterator[tuple[ByteArray, ByteArray, Tensor]]:
    """Yield each frame's image, tags, and logits, float [K, H, W]."""
    for start in range(0, len(source), _BATCH):
        batch = []
        for i in range(start, min(start + _BATCH, len(source))):
            progress(f'{doing} {source.name}', i, len(source))
            batch.append(source[i])
        images = np.stack([_at_input(candidate, image) for image, _ in batch])
        for (image, tags), logits in zip(batch, candidate.logits_of(images).cpu(), strict=True):
            yield image, tags, logits


def _truth_at_input(candidate: Candidate, labels: LabelMap, tags: ByteArray) -> ByteArray:
    geometry = candidate.network.geometry(ImageSize.of(tags))
    return labels.classes[geometry.labels_to_network(tags, outside=UNKNOWN_ID)]


def _at_input(candidate: Candidate, image: ByteArray) -> ByteArray:
    return candidate.network.geometry(ImageSize.of(image)).to_network(image)


def _mean_iou_of_present(matrix: ConfusionMatrix) -> float:
    """Return the mean IoU over the classes that the truth holds, nan where it holds none."""
    present = matrix.counts[: len(matrix.table)].sum(axis=1) > 0
    values = [iou for iou, there in zip(matrix.iou().values(), present, strict=True) if there]
    return float(np.mean(values)) if values else float('nan')
