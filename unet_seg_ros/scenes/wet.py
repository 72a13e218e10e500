"""Reflections on a wet road."""

from __future__ import annotations

import cv2
import numpy as np

from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.canvas import Canvas
from unet_seg_ros.scenes.sky import horizon

#: The mirror image is painted at a fraction of the size: water on asphalt blurs it anyway.
_SHRINK = 4


def reflect(canvas: Canvas, wetness: float) -> None:
    """
    Let the road mirror what stands above the horizon.

    Parameters
    ----------
    canvas : Canvas
        The finished scene; only its colours on road and lines change.
    wetness : float
        0 for a dry road, 1 for standing water.

    """
    height, width = canvas.pixels.shape[:2]
    middle = round(float(horizon(canvas.view).mean()))
    rows = min(middle, height - middle)
    if rows < 4 * _SHRINK:
        return
    above = canvas.pixels[middle - rows : middle][::-1]
    lower = canvas.pixels[middle : middle + rows]
    small = cv2.resize(
        np.ascontiguousarray(above[::_SHRINK]),
        (width // _SHRINK, rows // _SHRINK),
        interpolation=cv2.INTER_AREA,
    )
    smeared = cv2.blur(small, (3, max(3, rows // 24)))
    mirror = cv2.resize(smeared, (width, rows), interpolation=cv2.INTER_LINEAR)
    # Flat angles mirror most: strong near the horizon, weak before the wheels.
    share = wetness * (0.12 + 0.5 * np.linspace(1.0, 0.0, rows) ** 2)
    kept = np.repeat(np.rint(255 * (1 - share)).astype(np.uint8)[:, None], 4 * width, axis=1)
    kept = kept.reshape(rows, width, 4)
    mixed = cv2.add(
        cv2.multiply(lower, kept, scale=1 / 255),
        cv2.multiply(mirror, cv2.bitwise_not(kept), scale=1 / 255),
    )
    tag = cv2.extractChannel(lower, 3)
    cv2.insertChannel(tag, mixed, 3)
    wet = ((tag == tags.ROAD) | (tag == tags.ROAD_LINE)).view(np.uint8)
    cv2.copyTo(mixed, wet, lower)
