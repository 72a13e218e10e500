"""Folders of images, with or without label images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.compressed import decode_image
from unet_seg_ros.core.errors import FrameError, RecordingError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.labels import LabelForm
from unet_seg_ros.recordings.layout import FolderNames, ImageFolder, find_folders, key_of_image
from unet_seg_ros.recordings.recording import ReadOptions, SourceRecording
from unet_seg_ros.recordings.sequences import drives, place_of

_JPEG_BEGIN = b'\xff\xd8'
_PNG_BEGIN, _PNG_END = b'\x89PNG', b'IEND'


def list_images(path: Path) -> list[Path]:
    """
    Return a recording's images, labels left out, in natural order (2 before 10).

    Parameters
    ----------
    path : Path
        A folder of images, or one that holds them and their labels in one of the known layouts.

    Raises
    ------
    RecordingError
        If there is no such folder or no image in it.

    """
    folders = find_folders(path, FolderNames(with_labels=False))
    return [image for folder in folders for image in folder.images]


def read_image(path: Path) -> ByteArray:
    """
    Return an image file's pixels, uint8 [H, W, 3] in BGR order.

    Raises
    ------
    RecordingError
        If the file cannot be decoded.

    """
    data = _read(path)
    if data.startswith(_JPEG_BEGIN):
        # OpenCV 4.6 gives the part of a cut-off one that is there, the rest grey.
        try:
            return decode_image(data).bgr()
        except FrameError as e:
            raise RecordingError(f'{path}: {e}') from e
    # Without the flag OpenCV would turn the picture as its EXIF data says; labels are not turned.
    image: ByteArray = _decode(path, data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return image


class LabelledFolder(SourceRecording):
    """
    Images with the tags of their pixels, read one by one.

    Parameters
    ----------
    path : Path
        A folder in one of the layouts of `recordings.layout`, or one that holds such folders.
    tags : ClassTable
        The tags of its labels.
    form : LabelForm, optional
        The form of its labels.
    options : ReadOptions, optional
        How else it is read.

    Raises
    ------
    RecordingError
        If there is no image, or an image has no label.

    """

    kind = 'folder'

    def __init__(
        self,
        path: Path,
        tags: ClassTable,
        form: LabelForm = 'auto',
        options: ReadOptions | None = None,
    ) -> None:
        """Pair the images with their labels; none is read yet."""
        super().__init__(path, tags, form, options or ReadOptions())
        self._pairs: list[tuple[Path, Path]] = []
        self.names: list[str] = []
        self.sequences: list[str] = []
        self.unpaired_images: list[str] = []
        self.unpaired_labels: list[str] = []
        names = FolderNames(self.options.images, self.options.labels)
        for folder in find_folders(path, names):
            self._add(folder)
        if not self._pairs:
            hint = folder.label_hint.replace('{}', '*')
            raise RecordingError(f'recording {path}: no image has labels; expected {hint}')

    def read(self, index: int) -> tuple[ByteArray, npt.NDArray[Any]]:
        """Read both files; see `SourceRecording`."""
        image_path, label_path = self._pairs[index]
        return read_image(image_path), _decode(label_path, _read(label_path), cv2.IMREAD_UNCHANGED)

    def label_name(self, index: int) -> str:
        """Return the label's path."""
        return str(self._pairs[index][1])

    def files(self) -> Iterator[Path]:
        """Iterate over images and labels."""
        return (path for pair in self._pairs for path in pair)

    def _add(self, folder: ImageFolder) -> None:
        labels = folder.labels()
        pairs = []
        for image in folder.images:
            label = labels.get(key_of_image(image))
            if label is not None:
                pairs.append((image, label))
            elif self.options.skip_unpaired:
                self.unpaired_images.append(self._name(image))
            else:
                expected = folder.label_hint.replace('{}', key_of_image(image))
                raise RecordingError(f'{image}: no label image; expected {expected}')
        used = {label for _, label in pairs}
        self.unpaired_labels += [self._name(f) for f in labels.values() if f not in used]
        names = [self._name(image) for image, _ in pairs]
        self._pairs += pairs
        self.names += names
        self.sequences += drives(names, [place_of(image.stem) for image, _ in pairs])

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise RecordingError(f'{path}: cannot be read: {e.strerror}') from e


def _decode(path: Path, data: bytes, flags: int) -> npt.NDArray[Any]:
    # OpenCV 4 gives the part of a cut-off PNG that is there, the rest black.
    cut_off = data.startswith(_PNG_BEGIN) and _PNG_END not in data
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data and not cut_off else None
    if image is None:
        raise RecordingError(f'{path}: not a readable image; it is damaged, or no image at all')
    return image
