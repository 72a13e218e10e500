"""Pictures kept while a drive runs, cheaply enough not to disturb it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2

from unet_seg_ros.core.size import ByteArray, ImageSize

#: Every so many frames one goes into the video.
VIDEO_EVERY = 2
_VIDEO_WIDTH_PX = 640
_QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 92)


@dataclass(frozen=True, slots=True)
class View:
    """
    What is known of one frame, all of one stamp and, the labels aside, of one size.

    Attributes
    ----------
    stamp_ns : int
        The stamp [ns].
    image, overlay : ndarray
        uint8 [H, W, 3] in BGR order.
    mask : ndarray
        uint8 [H, W], class ids.
    truth : ndarray or None
        uint8 [h, w], the true ids of the same classes.

    """

    stamp_ns: int
    image: ByteArray
    overlay: ByteArray
    mask: ByteArray
    truth: ByteArray | None


class Album:
    """
    Writes small video frames, and now and then a moment in full, below a folder.

    ``video/<stamp>.jpg`` are overlays of at most 640 px width; ``moments/<stamp>/`` holds
    ``image.jpg``, ``overlay.jpg``, ``mask.png`` and, where it is known, ``truth.png``.

    Parameters
    ----------
    folder : Path
        An existing folder.
    moment_every : int
        The first view is kept in full, and then every so many.

    """

    def __init__(self, folder: Path, moment_every: int) -> None:
        """Create the two folders."""
        self._video = folder / 'video'
        self._moments = folder / 'moments'
        self._moment_every = moment_every
        self._num_views = 0
        self._video.mkdir()
        self._moments.mkdir()

    def add(self, view: View) -> None:
        """Keep of a view what its turn asks for."""
        if self._num_views % VIDEO_EVERY == 0:
            path = self._video / f'{view.stamp_ns:020d}.jpg'
            cv2.imwrite(str(path), _reduced(view.overlay), _QUALITY)
        if self._num_views % self._moment_every == 0:
            self._keep(view)
        self._num_views += 1

    def _keep(self, view: View) -> None:
        folder = self._moments / f'{view.stamp_ns:020d}'
        folder.mkdir()
        cv2.imwrite(str(folder / 'image.jpg'), view.image, _QUALITY)
        cv2.imwrite(str(folder / 'overlay.jpg'), view.overlay, _QUALITY)
        cv2.imwrite(str(folder / 'mask.png'), view.mask)
        if view.truth is not None:
            cv2.imwrite(str(folder / 'truth.png'), view.truth)


def _reduced(image_hwc: ByteArray) -> ByteArray:
    height, width = ImageSize.of(image_hwc)
    if width <= _VIDEO_WIDTH_PX:
        return image_hwc
    # Video codecs want even sizes.
    size = (_VIDEO_WIDTH_PX, round(height * _VIDEO_WIDTH_PX / width / 2) * 2)
    return cast(ByteArray, cv2.resize(image_hwc, size, interpolation=cv2.INTER_AREA))
