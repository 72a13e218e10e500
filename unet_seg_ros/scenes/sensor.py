"""What the camera itself adds: softness, noise and darker corners."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.scenes.textures import SingleArray

_SPARE_PX = 64


@lru_cache(maxsize=2)
def _unit_noise(size: ImageSize) -> SingleArray:
    """Return noise of unit variance, a little larger than the picture."""
    shape = size.height + _SPARE_PX, size.width + _SPARE_PX
    return np.random.default_rng(0).standard_normal(shape, np.float32)


@lru_cache(maxsize=2)
def _corners(size: ImageSize) -> SingleArray:
    """Return 0 in the middle and 1 in the corners."""
    row = np.linspace(-1, 1, size.height, dtype=np.float32)[:, None]
    column = np.linspace(-1, 1, size.width, dtype=np.float32)[None]
    return np.asarray(((row**2 + column**2) / 2) ** 1.5, np.float32)


def _with_streaks(noise: ByteArray, rain: float, rng: np.random.Generator) -> ByteArray:
    height, width = noise.shape[:2]
    slant = float(rng.normal(0.0, 0.12))
    for _ in range(round(500 * rain)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        length = rng.uniform(0.02, 0.07) * height
        value = int(rng.integers(8, 34))
        ends = (round(x), round(y)), (round(x + slant * length), round(y + length))
        cv2.line(noise, *ends, (value, value, value), 1)
    return noise


class Sensor:
    """
    The imperfections of one camera.

    Parameters
    ----------
    size : ImageSize
        The picture's size.
    rain : float
        How much rain falls before the lens, 0 to 1.
    rng : numpy.random.Generator
        Where strengths and noise come from.

    """

    def __init__(self, size: ImageSize, rain: float, rng: np.random.Generator) -> None:
        sigma = float(rng.uniform(0.4, 4.0))
        gray = _unit_noise(size) * sigma
        self._bright = np.dstack([np.clip(gray, 0, 40).astype(np.uint8)] * 3)
        if rain:
            self._bright = _with_streaks(self._bright, rain, rng)
        dark = np.clip(-gray[: size.height, : size.width], 0, 40)
        strength = float(rng.uniform(0.0, 34.0) * rng.random())
        dark += strength * _corners(size)
        self._dark = np.dstack([dark.astype(np.uint8)] * 3)
        self._blur_px = float(rng.uniform(0.45, 0.8) * size.width / 1280 + 0.1)

    def expose(self, pixels: ByteArray, index: int) -> ByteArray:
        """Return the picture [H, W, 3] of the scene [H, W, 4] as this camera's n-th frame."""
        image = cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)
        image = cv2.GaussianBlur(image, (3, 3), self._blur_px)
        height, width = image.shape[:2]
        shift = np.random.default_rng(index).integers(0, _SPARE_PX, 2).tolist()
        bright = self._bright[shift[0] : shift[0] + height, shift[1] : shift[1] + width]
        cv2.add(image, bright, dst=image)
        cv2.subtract(image, self._dark, dst=image)
        return np.asarray(image, np.uint8)
