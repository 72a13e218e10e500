"""Folders of images, with or without label images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy.typing as npt

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.recordings.labels import decode_labels

#: Folders of images and of their labels, as the recordings that we have met name them; a label
#: has its image's name but for the ending.
FOLDER_PAIRS = (
    ('rgb', 'label'),
    ('RGB', 'Segmentation_Images'),
    ('CameraRGB', 'CameraSeg'),
)
#: Ends of the names of images and of their labels where both lie in one folder.
SUFFIX_PAIR = ('_img', '_labelIds')

_IMAGE_ENDINGS = frozenset(('.png', '.jpg', '.jpeg', '.webp', '.bmp'))


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
    if not path.is_dir():
        raise RecordingError(f'recording {path}: no such folder')
    for images, _ in FOLDER_PAIRS:
        if (path / images).is_dir():
            return list_images(path / images)
    files = [f for f in path.iterdir() if f.suffix.lower() in _IMAGE_ENDINGS]
    paired = [f for f in files if f.stem.endswith(SUFFIX_PAIR[0])]
    if not files:
        raise RecordingError(
            f'recording {path}: no image in it ({", ".join(sorted(_IMAGE_ENDINGS))})'
        )
    return sorted(paired or files, key=_natural_order)


def read_image(path: Path) -> ByteArray:
    """
    Return an image file's pixels, uint8 [H, W, 3] in BGR order.

    Raises
    ------
    RecordingError
        If the file cannot be decoded.

    """
    image: ByteArray = _decode(path, cv2.IMREAD_COLOR)
    return image


class LabelledFolder:
    """
    Images with the tags of their pixels, read one by one.

    Parameters
    ----------
    path : Path
        A folder in one of the known layouts.
    tags : ClassTable
        The tags of its labels.

    Raises
    ------
    RecordingError
        If there is no image, or an image has no label.

    """

    def __init__(self, path: Path, tags: ClassTable) -> None:
        """Pair the images with their labels; none is read yet."""
        self.tags = tags
        self._pairs = [(image, _label_of(image)) for image in list_images(path)]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[ByteArray, ByteArray]:
        """
        Read one image, uint8 [H, W, 3] in BGR order, and its tag ids, uint8 [H, W].

        Raises
        ------
        RecordingError
            If a file cannot be decoded, the two differ in size, or the labels do not fit `tags`.

        """
        image_path, label_path = self._pairs[index]
        image = read_image(image_path)
        label = _decode(label_path, cv2.IMREAD_UNCHANGED)
        if ImageSize.of(image) != ImageSize.of(label):
            raise RecordingError(
                f'{label_path}: size {ImageSize.of(label)}, '
                f'but its image has {ImageSize.of(image)}'
            )
        try:
            return image, decode_labels(label, self.tags)
        except RecordingError as e:
            raise RecordingError(f'{label_path}: {e}') from e

    def __iter__(self) -> Iterator[tuple[ByteArray, ByteArray]]:
        """Read all, in natural order."""
        return (self[i] for i in range(len(self)))


def _label_of(image: Path) -> Path:
    candidates = [
        image.parent.parent / labels / f'{image.stem}.png'
        for images, labels in FOLDER_PAIRS
        if image.parent.name == images
    ]
    stem = image.stem.removesuffix(SUFFIX_PAIR[0])
    if stem != image.stem:
        candidates.append(image.with_name(f'{stem}{SUFFIX_PAIR[1]}.png'))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    tried = candidates[0] if candidates else 'rgb/ with label/, or _img with _labelIds'
    raise RecordingError(f'{image}: no label image; expected {tried}')


def _natural_order(path: Path) -> list[tuple[str, int]]:
    parts = re.split(r'([0-9]+)', path.name)
    return [('', int(part)) if i % 2 else (part, 0) for i, part in enumerate(parts)]


def _decode(path: Path, flags: int) -> npt.NDArray[Any]:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise RecordingError(f'{path}: not a readable image')
    return image
