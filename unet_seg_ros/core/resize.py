"""The one resizing that training and vehicle share."""

from __future__ import annotations

from typing import cast

import cv2

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


def resize_ids(ids_hw: ByteArray, size: ImageSize) -> ByteArray:
    """
    Resize a class map or mask by nearest neighbour, which never invents a value between two.

    Parameters
    ----------
    ids_hw : ndarray
        uint8 [H, W].
    size : ImageSize
        The wanted size.

    Returns
    -------
    ndarray
        uint8 of the wanted size; the input itself if it already has it.

    """
    if ImageSize.of(ids_hw) == size:
        return ids_hw
    return cast(ByteArray, cv2.resize(ids_hw, size.cv, interpolation=cv2.INTER_NEAREST_EXACT))
