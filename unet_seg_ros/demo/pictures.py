"""The pictures of a run: a montage of some moments, and the overlay as an animation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.demo.processes import ProcessError

#: Rows of the montage.
NUM_ROWS = 4

_TILE_WIDTH_PX = 480
_GAP_PX = 8
_BAND_PX = 44
_TITLE_HEIGHT_PX = 62

_WHITE, _INK, _GREY = (255, 255, 255), (40, 34, 30), (118, 110, 104)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def montage(folder: Path, table: ClassTable, title: str) -> ByteArray:
    """
    Show camera image, class mask, overlay and, where it is known, the truth at some moments.

    Parameters
    ----------
    folder : Path
        Holds one folder for each moment, as `ros.album` writes them.
    table : ClassTable
        The classes' names and colours.
    title : str
        One line above.

    Returns
    -------
    ndarray
        uint8 [H, W, 3] in BGR order.

    Raises
    ------
    ProcessError
        If no moment was kept.

    """
    moments = sorted(folder.iterdir())
    if not moments:
        raise ProcessError('no frame came back complete, with its image and overlay')
    # Those nearest to the middles of equal parts of the time; frames may have been dropped.
    stamps = np.array([int(moment.name) for moment in moments])
    middles = stamps[0] + (np.arange(NUM_ROWS) + 0.5) / NUM_ROWS * (stamps[-1] - stamps[0])
    chosen = [moments[i] for i in sorted({int(np.abs(stamps - m).argmin()) for m in middles})]
    rows = [_tiles(moment, table) for moment in chosen]
    names = ['camera image', 'class mask', 'overlay', 'truth'][: len(rows[0])]
    width = len(names) * (_TILE_WIDTH_PX + _GAP_PX) + _GAP_PX
    bands = [_title(title, width), _captions(names, width)]
    for tiles in rows:
        bands += [_strip(tiles), _blank(_GAP_PX, width)]
    return np.vstack([*bands, _legend(table, width)])


def require_animations() -> None:
    """
    Check that OpenCV can write animations, which is worth knowing before a run.

    Raises
    ------
    ConfigurationError
        If it is too old.

    """
    if not hasattr(cv2, 'imwriteanimation'):
        raise ConfigurationError(
            f'OpenCV {cv2.__version__} writes no animations: '
            "pip install 'opencv-python-headless>=4.11'"
        )


def write_animation(frames: Sequence[Path], path: Path, duration_s: float) -> None:
    """
    Write images as an animated WebP, which every browser shows and repeats.

    Parameters
    ----------
    frames : sequence of Path
        Image files, in order; those of another size are fitted into that of the first.
    path : Path
        The animation's file.
    duration_s : float
        How long it lasts.

    Raises
    ------
    ProcessError
        If there is no frame, or the file cannot be written.

    """
    if not frames:
        raise ProcessError('no frame came back complete, with its image and overlay')
    images = [_read(frame) for frame in frames]
    size = ImageSize.of(images[0])
    animation = cv2.Animation()
    animation.frames = [_centred(image, size) for image in images]
    animation.durations = [round(1e3 * duration_s / len(frames))] * len(frames)
    if not cv2.imwriteanimation(str(path), animation, (cv2.IMWRITE_WEBP_QUALITY, 70)):
        raise ProcessError(f'{path.name} cannot be written')


def _read(path: Path, flags: int = cv2.IMREAD_COLOR) -> ByteArray:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise ProcessError(f'{path.name}: a picture of this run is damaged')
    return cast(ByteArray, image)


def _centred(image_hwc: ByteArray, size: ImageSize) -> ByteArray:
    height, width = ImageSize.of(image_hwc)
    if (height, width) == size:
        return image_hwc
    scale = min(size.height / height, size.width / width)
    left_px, top_px = (size.width - scale * width) / 2, (size.height - scale * height) / 2
    to_place = np.array([[scale, 0, left_px], [0, scale, top_px]])
    return cast(ByteArray, cv2.warpAffine(image_hwc, to_place, size.cv))


def _tiles(moment: Path, table: ClassTable) -> list[ByteArray]:
    image, overlay = (_fitted(_read(moment / f'{n}.jpg')) for n in ('image', 'overlay'))
    classes = [
        _fitted(table.palette_rgb[_read(path, cv2.IMREAD_GRAYSCALE)][..., ::-1])
        for path in (moment / 'mask.png', moment / 'truth.png')
        if path.exists()
    ]
    return [image, classes[0], overlay, *classes[1:]]


def _fitted(image_hwc: ByteArray) -> ByteArray:
    height, width = ImageSize.of(image_hwc)
    size = (_TILE_WIDTH_PX, round(height * _TILE_WIDTH_PX / width))
    method = cv2.INTER_AREA if width >= _TILE_WIDTH_PX else cv2.INTER_NEAREST
    return cast(ByteArray, cv2.resize(np.ascontiguousarray(image_hwc), size, interpolation=method))


def _blank(height: int, width: int) -> ByteArray:
    return np.full((height, width, 3), 255, np.uint8)


def _strip(tiles: Sequence[ByteArray]) -> ByteArray:
    gap = _blank(len(tiles[0]), _GAP_PX)
    return np.hstack([gap, *(part for tile in tiles for part in (tile, gap))])


def _title(text: str, width: int) -> ByteArray:
    band = _blank(_TITLE_HEIGHT_PX, width)
    cv2.putText(band, text, (_GAP_PX, 42), _FONT, 1.0, _INK, 2, cv2.LINE_AA)
    return band


def _captions(names: Sequence[str], width: int) -> ByteArray:
    band = _blank(_BAND_PX, width)
    for i, name in enumerate(names):
        left = _GAP_PX + i * (_TILE_WIDTH_PX + _GAP_PX)
        cv2.putText(band, name, (left, 30), _FONT, 0.8, _GREY, 1, cv2.LINE_AA)
    return band


def _legend(table: ClassTable, width: int) -> ByteArray:
    band = _blank(_BAND_PX + _GAP_PX, width)
    left = _GAP_PX
    for c in table.classes:
        cv2.rectangle(band, (left, 10), (left + 40, 38), c.color[::-1], cv2.FILLED)
        cv2.putText(band, c.name, (left + 52, 33), _FONT, 0.8, _INK, 1, cv2.LINE_AA)
        left += 52 + cv2.getTextSize(c.name, _FONT, 0.8, 1)[0][0] + 40
    return band
