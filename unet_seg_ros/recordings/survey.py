"""What a recording holds: counts, sizes, classes, and every frame that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import CARLA_TAGS, ClassTable
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.recordings.labels import form_of
from unet_seg_ros.recordings.recording import Progress, SourceRecording

_ROADS = frozenset(('Road', 'Roads'))


@dataclass
class Tally:
    """
    A recording's labels read with one tag table.

    Attributes
    ----------
    tags : ClassTable
        The table.
    pixels : ndarray
        int64 [256], pixels by tag id, of the frames that could be read.
    failures : dict
        A message for each frame that could not, by its position.

    """

    tags: ClassTable
    pixels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def shares(self) -> dict[str, float]:
        """Share of all pixels by tag name, 0 to 1, of those that occur; the largest first."""
        total = max(int(self.pixels.sum()), 1)
        found = [(c.name, int(self.pixels[c.id]) / total) for c in self.tags.classes]
        return {name: s for name, s in sorted(found, key=lambda f: -f[1]) if s > 0}

    @property
    def unknown_share(self) -> float:
        """Share of all pixels whose labels the table lacks, 0 to 1."""
        return float(self.pixels[255]) / max(int(self.pixels.sum()), 1)

    @property
    def road_share(self) -> float:
        """Share of all pixels that are road, 0 to 1."""
        return sum(share for name, share in self.shares.items() if name in _ROADS)


@dataclass
class Survey:
    """
    What a recording holds.

    Attributes
    ----------
    num_frames : int
        Pairs of image and labels.
    sizes : Counter
        Frames by image size.
    forms : Counter
        Frames by the form that their labels seem to have.
    tallies : dict
        What the labels give with each tag table, by the table's name.

    """

    num_frames: int
    sizes: Counter[ImageSize]
    forms: Counter[str]
    tallies: dict[int | str, Tally]

    @property
    def fitting(self) -> list[int | str]:
        """The tables with which no frame fails."""
        return [n for n, tally in self.tallies.items() if not tally.failures]

    @property
    def guess(self) -> int | str:
        """
        The table that fits best: the fewest failures, then the most road, then the latest.

        The smaller ids are in every table, but 7 is Road in two of them and TrafficLight in the
        third; what a camera saw on a road is mostly road.
        """

        def fit(table: int | str) -> tuple[int, float]:
            tally = self.tallies[table]
            return -len(tally.failures), tally.road_share

        return max(reversed(self.tallies), key=fit)


def survey(
    recording: SourceRecording,
    tables: Mapping[int, ClassTable] | Mapping[int | str, ClassTable] = CARLA_TAGS,
    progress: Progress = lambda _what, _done, _of: None,
) -> Survey:
    """
    Read a whole recording with some tag tables and go on where a frame fails.

    Parameters
    ----------
    recording : SourceRecording
        The recording; its own tags do not matter.
    tables : mapping, optional
        The tables by their names, the latest last.
    progress : callable, optional
        Called before each frame.

    """
    found = Survey(
        len(recording),
        Counter(),
        Counter(),
        {name: Tally(table) for name, table in tables.items()},
    )
    with recording.kept_open():
        for i in range(len(recording)):
            progress(f'reading {recording.path.name}', i, len(recording))
            try:
                image, label = recording.read(i)
            except RecordingError as e:
                for tally in found.tallies.values():
                    tally.failures[i] = str(e)
                continue
            found.sizes[ImageSize.of(image)] += 1
            _count(recording, i, image, label, found)
    return found


def _count(
    recording: SourceRecording,
    index: int,
    image: ByteArray,
    label: npt.NDArray[Any],
    found: Survey,
) -> None:
    for tally in found.tallies.values():
        try:
            ids = recording.decode(index, image, label, tally.tags)
        except RecordingError as e:
            tally.failures[index] = str(e)
        else:
            tally.pixels += np.bincount(ids.ravel(), minlength=256)
    try:
        found.forms[form_of(label)] += 1
    except RecordingError:
        # Told already by each table.
        found.forms['unknown'] += 1
