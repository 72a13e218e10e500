"""Labelled recordings: one interface for every form, and the choice of the form's reader."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from unet_seg_ros.core.classes import CARLA_TAGS, ClassTable
from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.recordings.labels import LABEL_FORMS, LabelForm, decode_labels
from unet_seg_ros.recordings.layout import IMAGE_FOLDERS
from unet_seg_ros.recordings.storage import bags_in, holds_bags, is_bag

#: Told of progress: what is done, how many of how many.
Progress = Callable[[str, int, int], None]

#: What ``unet-seg collect`` writes beside the drives; its ``tags`` is a key of ``CARLA_TAGS``.
ABOUT = 'recording.json'

#: Half a step of CARLA's usual 0.05 s: what is farther apart belongs to another step.
HALF_STEP_S = 0.025


@dataclass(frozen=True)
class ReadOptions:
    """
    How a recording is read, beyond its tags and the form of its labels.

    Attributes
    ----------
    images, labels : str or None
        The sub-folders, or a bag's topics, that hold images and labels; found by name if None.
    ignore_unknown : bool
        Whether ids and colours that the tags lack become 255, which does not count, instead of
        an error.
    skip_unpaired : bool
        Whether a folder's images without labels are left out instead of an error; those of a
        bag always are.
    tolerance_s : float
        How far apart the stamps of an image and its labels may be [s], at most just under half
        the usual step of the images; bags only.

    """

    images: str | None = None
    labels: str | None = None
    ignore_unknown: bool = False
    skip_unpaired: bool = False
    tolerance_s: float = HALF_STEP_S


class Recording(ABC):
    """
    Images with the tags of their pixels, by position.

    Attributes
    ----------
    path : Path
        Where it lies, for messages.
    tags : ClassTable
        The tags of its labels.
    names : sequence of str
        A name for each frame: the image's path within the folder, or its stamp [s].
    sequences : sequence of str
        For each frame the name of the first frame of its drive. A drive ends with its folder,
        and where the numbers or stamps of the frames jump by more than their usual step.

    """

    path: Path
    tags: ClassTable
    names: Sequence[str]
    sequences: Sequence[str]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.names)

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[ByteArray, ByteArray]:
        """
        Return an image, uint8 [H, W, 3] in BGR order, and its tag ids, uint8 [H, W].

        The id 255 does not count. Both arrays belong to the caller.

        Raises
        ------
        RecordingError
            If the frame cannot be read; the message names it.

        """

    def __iter__(self) -> Iterator[tuple[ByteArray, ByteArray]]:
        """Read all frames in order."""
        return (self[i] for i in range(len(self)))


class SourceRecording(Recording):
    """
    A recording as it was made, whose labels are decoded whenever they are read.

    Parameters
    ----------
    path : Path
        Where it lies.
    tags : ClassTable
        The tags of its labels.
    form : LabelForm
        The form of its labels.
    options : ReadOptions
        How else it is read.

    Raises
    ------
    RecordingError
        If there is no such form.

    Attributes
    ----------
    kind : str
        What it is, for people.
    unpaired_images, unpaired_labels : sequence of str
        The names of the images that have no labels, and of the labels that have no image.
    topics : mapping
        A bag's topic of ``images`` and of ``labels``; empty for a folder.

    """

    kind: str
    topics: Mapping[str, str] = MappingProxyType({})
    unpaired_images: Sequence[str]
    unpaired_labels: Sequence[str]

    def __init__(
        self, path: Path, tags: ClassTable, form: LabelForm, options: ReadOptions
    ) -> None:
        """Keep what decides the frames; nothing is read yet."""
        if form not in LABEL_FORMS:
            raise RecordingError(f'label form {form!r}: give one of {", ".join(LABEL_FORMS)}')
        self.path = path
        self.tags = tags
        self.form = form
        self.options = options

    @abstractmethod
    def read(self, index: int) -> tuple[ByteArray, npt.NDArray[Any]]:
        """
        Return an image, uint8 [H, W, 3] in BGR order, and its label image as it was recorded.

        Raises
        ------
        RecordingError
            If one of the two cannot be decoded.

        """

    @abstractmethod
    def label_name(self, index: int) -> str:
        """Return what messages call a frame's labels."""

    @abstractmethod
    def files(self) -> Iterator[Path]:
        """Iterate over all files that the frames come from."""

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep open within what would else be opened for each frame; not to be forked in."""
        yield

    def __iter__(self) -> Iterator[tuple[ByteArray, ByteArray]]:
        """Read all frames in order."""
        with self.kept_open():
            yield from super().__iter__()

    def __getitem__(self, index: int) -> tuple[ByteArray, ByteArray]:
        """
        Read a frame; see `Recording`.

        Raises
        ------
        RecordingError
            As `read` does; and if image and labels differ in size, or the labels have another
            form or do not fit `tags`.

        """
        image, label = self.read(index)
        return image, self.decode(index, image, label, self.tags)

    def decode(
        self, index: int, image: ByteArray, label: npt.NDArray[Any], tags: ClassTable
    ) -> ByteArray:
        """
        Return the tag ids of what `read` gave, uint8 [H, W].

        Raises
        ------
        RecordingError
            If the two differ in size, or the labels have another form or do not fit the tags.

        """
        if ImageSize.of(image) != ImageSize.of(label):
            raise RecordingError(
                f'{self.label_name(index)}: size {ImageSize.of(label)}, but its image has '
                f'{ImageSize.of(image)}; record both cameras at one size'
            )
        try:
            return decode_labels(label, tags, self.form, self.options.ignore_unknown)
        except RecordingError as e:
            raise RecordingError(f'{self.label_name(index)}: {e}') from e


def stated_tags(path: Path) -> int | None:
    """
    Return which of ``CARLA_TAGS`` a recording was made with, if it or the folder above tells.

    Parameters
    ----------
    path : Path
        The recording, or one of its drives.

    """
    for folder in (path.resolve(), path.resolve().parent):
        try:
            told = json.loads((folder / ABOUT).read_text())
        except (OSError, ValueError):
            # Missing, or a file of another program.
            continue
        tags = told.get('tags') if isinstance(told, dict) else None
        if isinstance(tags, int) and tags in CARLA_TAGS:
            return tags
    return None


def open_recording(
    path: Path,
    tags: ClassTable,
    form: LabelForm = 'auto',
    options: ReadOptions | None = None,
) -> SourceRecording:
    """
    Open a folder of images with their labels, or a rosbag2.

    Parameters
    ----------
    path : Path
        A folder in one of the layouts of `recordings.layout`, or one that holds such folders; a
        rosbag2's folder, or its .mcap or .db3 file.
    tags : ClassTable
        The tags of its labels.
    form : {'auto', 'ids', 'red', 'palette'}, optional
        The form of its labels, see `decode_labels`.
    options : ReadOptions, optional
        How else it is read.

    Raises
    ------
    RecordingError
        If it is missing, empty, in no known form or in several, lacks labels, or states other
        tags.
    ConfigurationError
        If it is a bag and ``rosbags`` is not installed.

    """
    # The readers import this module; that of bags needs a library, too.
    from unet_seg_ros.recordings.folder import LabelledFolder

    if not path.exists():
        raise RecordingError(f'recording {path}: not found')
    stated = stated_tags(path)
    if stated is not None and tags != CARLA_TAGS[stated]:
        raise RecordingError(
            f'recording {path}: its {ABOUT} states the table of {stated} tags; read it with that '
            f'one, not with one of {len(tags)}'
        )
    options = options or ReadOptions()
    if not is_bag(path):
        return LabelledFolder(path, tags, form, options)
    if path.is_dir() and any(f.name.lower() in IMAGE_FOLDERS for f in path.iterdir()):
        raise RecordingError(f'recording {path}: both images and a rosbag2; keep them apart')
    if path.is_dir() and len(bags_in(path)) > 1:
        raise RecordingError(holds_bags(path))
    try:
        from unet_seg_ros.recordings.labelled_bag import LabelledBag
    except ImportError as e:
        raise ConfigurationError(
            f"bag {path}: reading it needs rosbags ({e}): pip install 'unet_seg_ros[recordings]'"
        ) from e
    return LabelledBag(path, tags, form, options)
