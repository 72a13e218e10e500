"""Labelled frames from the sources of a recipe."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros import scenes
from unet_seg_ros.core.class_sets import ClassSet, LabelMap
from unet_seg_ros.core.classes import TAG_TABLES, ClassTable
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.cache import cached
from unet_seg_ros.recordings.recording import ReadOptions, Recording, open_recording
from unet_seg_ros.training.source import Source

#: An image, uint8 [H, W, 3] in BGR order, and its tags, uint8 [H, W].
LabelledImage = tuple[ByteArray, ByteArray]

#: Told of progress: what is done, how many of how many.
Progress = Callable[[str, int, int], None]

# Shares of classes are counted on so many frames of a source, evenly apart.
_COUNTED_FRAMES = 2000

# What the tables call the vehicle that carries the camera.
_BONNET_TAGS = ('Car', 'Vehicle')


@dataclass(frozen=True)
class SourceFrames:
    """
    The frames of one source.

    Attributes
    ----------
    source : Source
        What the recipe says of it.
    recording : Recording
        Where its frames are read from, by index.
    indices : sequence of int
        The frames that belong to the source.
    labels : LabelMap
        What its tags mean in the classes that are learned.

    """

    source: Source
    recording: Recording
    indices: Sequence[int]
    labels: LabelMap

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.indices)

    def __getitem__(self, index: int) -> LabelledImage:
        """Read a frame."""
        return self.recording[self.indices[index]]

    def __iter__(self) -> Iterator[LabelledImage]:
        """Read all frames in order."""
        return (self.recording[i] for i in self.indices)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def tags(self) -> ClassTable:
        """The tags of its labels."""
        return TAG_TABLES[self.source.table]

    @cached_property
    def names(self) -> list[str]:
        """A name for each frame."""
        return [self.recording.names[i] for i in self.indices]

    def places(self) -> Iterator[Path]:
        """Iterate over where the frames lie, the same for a folder and for one above it."""
        root = self.recording.path.resolve()
        return (root / name for name in self.names)

    @cached_property
    def sequences(self) -> list[str]:
        """The drives that the frames come from, each once, in order."""
        return list(dict.fromkeys(self.recording.sequences[i] for i in self.indices))

    @cached_property
    def bonnet_tag(self) -> int:
        """The tag of the vehicle's own bonnet; tag 0 where a recording keeps no vehicles."""
        kept = self.source.only or self.tags.names
        return next((self.tags.ids_by_name[n] for n in _BONNET_TAGS if n in kept), 0)

    @cached_property
    def class_pixels(self) -> npt.NDArray[np.int64]:
        """Pixels of each class in up to 2000 of the frames, int64 [K]; coarse labels left out."""
        counts = np.zeros(256, np.int64)
        for i in np.linspace(0, len(self) - 1, min(len(self), _COUNTED_FRAMES)).astype(int):
            counts += np.bincount(self[i][1].ravel(), minlength=256)
        classes = self.labels.classes
        per_class = np.bincount(classes, counts, minlength=256)[: len(self.labels.table)]
        return per_class.astype(np.int64)


def load_source(
    source: Source, classes: ClassSet, data_root: Path, cache: Path, progress: Progress
) -> SourceFrames:
    """
    Make the frames of a source ready to be read quickly.

    Parameters
    ----------
    source : Source
        A recording, or scenes to be rendered.
    classes : ClassSet
        What is learned.
    data_root : Path
        Where relative folders start.
    cache : Path
        Where rendered scenes and decoded frames are kept for the next time.
    progress : callable
        Called before each frame.

    Raises
    ------
    RecordingError
        If the recording is missing, empty or not in a known form, or no sequence is left of it.

    """
    path = data_root / source.folder if source.folder else _rendered(source, cache, progress)
    options = ReadOptions(
        images=source.images or None,
        labels=source.labels or None,
        ignore_unknown=source.ignore_unknown,
        skip_unpaired=source.skip_unpaired,
        tolerance_s=source.tolerance_s,
    )
    try:
        raw = open_recording(path, TAG_TABLES[source.table], source.form, options)
        recording = cached(raw, cache, progress, source.decoded)
    except RecordingError as e:
        raise RecordingError(f'source {source.name}: {e}; see --data-root') from e
    indices = [i for i, name in enumerate(recording.sequences) if _is_wanted(name, source)]
    if source.layouts:
        # The cache may hold more scenes than this recipe asks for.
        indices = indices[: source.count]
    if not indices:
        raise RecordingError(
            f'source {source.name}: of the sequences {", ".join(sorted(set(recording.sequences)))}'
            f' none is left by sequences {list(source.sequences)} and exclude '
            f'{list(source.exclude)}'
        )
    return SourceFrames(source, recording, indices, classes.labels(source.table, source.only))


def check_split(training: Sequence[SourceFrames], validation: Sequence[SourceFrames]) -> None:
    """
    Refuse to score on what is learned from.

    Raises
    ------
    RecordingError
        If a frame is in both; the message names the sources and the number of frames.

    """
    for learned in training:
        places = set(learned.places())
        for scored in validation:
            if common := places & set(scored.places()):
                raise RecordingError(
                    f'{len(common)} frames of source {learned.name} are in the validation source '
                    f'{scored.name} too: divide them by sequences'
                )


def _is_wanted(sequence: str, source: Source) -> bool:
    return any(fnmatch(sequence, p) for p in source.sequences) and not any(
        fnmatch(sequence, p) for p in source.exclude
    )


def _rendered(source: Source, cache: Path, progress: Progress) -> Path:
    folder = cache / f'scenes-{_fingerprint(source)}'
    names = scenes.TRAINING_LAYOUTS if source.layouts == 'training' else scenes.HELD_OUT_LAYOUTS
    for i in range(source.count):
        image_path = folder / 'rgb' / f'{i:06}.png'
        if image_path.is_file():
            continue
        progress(f'rendering {source.name}', i, source.count)
        camera = scenes.PinholeCamera(source.size)
        frame = scenes.still(names[i % len(names)], source.seed + i, camera)
        # The image comes last: where it is, its label is too.
        _write(folder / 'label' / f'{i:06}.png', frame.tags)
        _write(image_path, frame.image)
    return folder


def _write(path: Path, pixels: ByteArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode('.png', pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    # Several processes may render the same scenes at once.
    part = path.with_suffix(f'.{os.getpid()}.part')
    part.write_bytes(encoded.tobytes())
    part.replace(path)


def _fingerprint(source: Source) -> str:
    """Hash what decides a scene's pixels: the request and the renderer's own source files."""
    digest = hashlib.sha256(f'{source.layouts} {source.size} {source.seed}'.encode())
    for path in sorted(Path(scenes.__file__).parent.rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
