"""CARLA's palette-coloured semantic images, painted and read back at camera rate."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import UNKNOWN_ID, ClassTable
from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.size import ByteArray

# A pixel's four bytes B, G, R, A taken as one number, whatever the machine's own byte order.
_PIXEL = np.dtype('<u4')
_COLOR_BITS = np.uint32(0x00FFFFFF)
_OPAQUE = np.uint32(0xFF000000)


class Palette:
    """
    The colours of a tag table as the CARLA ROS bridge sends them, bgra8.

    Reading goes through a hash that maps each colour of the table to a byte of its own, which is
    quicker than a search among the colours.

    Parameters
    ----------
    tags : ClassTable
        The tags; their colours must differ.

    """

    def __init__(self, tags: ClassTable) -> None:
        """Find the hash."""
        self._num_tags = len(tags)
        rgb = tags.palette_rgb.astype(np.uint32)
        self._codes = (rgb @ np.array([1 << 16, 1 << 8, 1], np.uint32)).astype(np.uint32)
        ids = np.array([c.id for c in tags.classes], np.uint8)
        self._factor = _perfect_factor(self._codes[ids])
        self._ids = np.full(256, UNKNOWN_ID, np.uint8)
        self._ids[_hash(self._codes[ids], self._factor)] = ids
        # What no code can equal: a colour that falls beside all of the table is told from black.
        self._codes[UNKNOWN_ID] = _OPAQUE

    def paint(self, tags_hw: ByteArray) -> ByteArray:
        """
        Return the coloured image of a tag map.

        Parameters
        ----------
        tags_hw : ndarray
            uint8 [H, W]; ids outside the table become black.

        Returns
        -------
        ndarray
            uint8 [H, W, 4] in BGRA order, opaque.

        """
        pixels = np.take((self._codes | _OPAQUE).astype(_PIXEL), tags_hw)
        return pixels.view(np.uint8).reshape(*tags_hw.shape, 4)

    def read(self, bgra_hwc: ByteArray, ignore_unknown: bool = False) -> ByteArray:
        """
        Return the tag map of a coloured image, exactly.

        Parameters
        ----------
        bgra_hwc : ndarray
            uint8 [H, W, 4] in BGRA order; A is ignored.
        ignore_unknown : bool, optional
            Whether a colour that is none of the table's becomes 255 instead of an error.

        Returns
        -------
        ndarray
            uint8 [H, W].

        Raises
        ------
        FrameError
            If a colour is none of the table's.

        """
        codes = np.ascontiguousarray(bgra_hwc).view(_PIXEL)[..., 0] & _COLOR_BITS
        tags_hw = cast(ByteArray, cv2.LUT(_hash(codes, self._factor), self._ids))
        wrong = np.take(self._codes, tags_hw) != codes
        if ignore_unknown:
            tags_hw[wrong] = UNKNOWN_ID
        elif wrong.any():
            blue, green, red = bgra_hwc[wrong][0, :3].tolist()
            raise FrameError(
                f'{wrong.sum()} of {wrong.size} pixels have colours outside the palette of the '
                f'{self._num_tags} tags, the first RGB ({red}, {green}, {blue}): '
                'was this image compressed, or is it of another tag table?'
            )
        return tags_hw


def _hash(codes: npt.NDArray[np.uint32], factor: np.uint32) -> ByteArray:
    product: npt.NDArray[np.uint32] = codes * factor
    return (product >> 24).astype(np.uint8)


def _perfect_factor(codes: npt.NDArray[np.uint32]) -> np.uint32:
    if len(np.unique(codes)) < len(codes):
        raise ValueError('two tags share a colour')
    random = np.random.default_rng(0)
    while True:
        factor: np.uint32 = np.uint32(int(random.integers(1, 2**32)) | 1)
        if len(np.unique(_hash(codes, factor))) == len(codes):
            return factor
