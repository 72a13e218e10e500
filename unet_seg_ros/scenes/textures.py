"""Small pictures made from noise that others build on, and their reduced copies."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.district import Color

SingleArray = npt.NDArray[np.float32]


def bgr(color: Color) -> SingleArray:
    """Return a colour as float32 [3] in BGR."""
    return np.array(color[::-1], np.float32)


def jitter(rng: np.random.Generator, color: Color, spread: float) -> Color:
    """Return a colour of like hue, lighter or darker by up to the spread, 0 to 255."""
    shift = rng.uniform(-spread, spread)
    tint = rng.uniform(-spread / 3, spread / 3, 3)
    red, green, blue = np.clip(np.array(color) + shift + tint, 4, 250)
    return int(red), int(green), int(blue)


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, cell: float, wrap: bool = False
) -> SingleArray:
    """Return noise of about unit variance, float32 [height, width], of a grain in pixels."""
    rows, columns = max(2, round(height / cell)), max(2, round(width / cell))
    coarse = rng.standard_normal((rows, columns), np.float32)
    if wrap:
        coarse = np.pad(coarse, 2, mode='wrap')
    grown = (round(width * coarse.shape[1] / columns), round(height * coarse.shape[0] / rows))
    fine = cv2.resize(coarse, grown, interpolation=cv2.INTER_CUBIC)
    top, left = (fine.shape[0] - height) // 2, (fine.shape[1] - width) // 2
    return np.asarray(fine[top : top + height, left : left + width], np.float32)


def to_bytes(values: SingleArray) -> ByteArray:
    """Return values rounded and limited to 0 to 255, uint8."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def pyramid(pixels: ByteArray, levels: int = 5) -> list[ByteArray]:
    """Return the picture and its copies at a half, a quarter ... of its size."""
    found = [pixels]
    while len(found) < levels and min(found[-1].shape[:2]) >= 8:
        height, width = found[-1].shape[:2]
        half = cv2.resize(found[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        found.append(np.asarray(half, np.uint8))
    return found
