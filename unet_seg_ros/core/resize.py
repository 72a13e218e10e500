"""The one resizing that training and vehicle share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.size import ByteArray, ImageSize


def resize_image(image_hwc: ByteArray, size: ImageSize) -> ByteArray:
    """
    Resize an image to the network's input, bilinear and without antialiasing.

    The network learns on images resized by this very function, so what it costs in aliasing is
    the same in training and on the vehicle.

    Parameters
    ----------
    image_hwc : ndarray
        uint8 [H, W, C] or [H, W], in any channel order.
    size : ImageSize
        The wanted size.

    Returns
    -------
    ndarray
        uint8 of the wanted size; the input itself if it already has it.

    """
    if ImageSize.of(image_hwc) == size:
        return image_hwc
    return cast(ByteArray, cv2.resize(image_hwc, size.cv, interpolation=cv2.INTER_LINEAR))


def resize_ids(ids_hw: ByteArray, size: ImageSize, out: ByteArray | None = None) -> ByteArray:
    """
    Resize a class map or mask by nearest neighbour, which never invents a value between two.

    Parameters
    ----------
    ids_hw : ndarray
        uint8 [H, W], or [H, W, C] for colours.
    size : ImageSize
        The wanted size.
    out : ndarray, optional
        Of the result's shape, to be filled with it.

    Returns
    -------
    ndarray
        uint8 of the wanted size: `out` where it was given, else the input itself if it already
        has that size.

    """
    if out is None and ImageSize.of(ids_hw) == size:
        return ids_hw
    # OpenCV picks each pixel of each row anew; copying whole rows instead takes half the time.
    height = len(ids_hw)
    wide = _nearest(ids_hw, ImageSize(height, size.width))
    # Any other mode fills a buffer first and then `out`.
    return np.take(wide, _nearest_rows(height, size.height), axis=0, out=out, mode='clip')


@lru_cache
def _nearest_rows(source: int, target: int) -> npt.NDArray[np.intp]:
    rows = np.arange(source, dtype=np.float32)[:, np.newaxis]
    return _nearest(rows, ImageSize(target, 1)).ravel().astype(np.intp)


def _nearest(image: npt.NDArray[Any], size: ImageSize) -> npt.NDArray[Any]:
    return cast(
        npt.NDArray[Any], cv2.resize(image, size.cv, interpolation=cv2.INTER_NEAREST_EXACT)
    )
