"""The vehicle's own bonnet, painted into training images: a camera on a roof or mirror sees it."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.size import ByteArray


def add_bonnet(
    image_hwc: ByteArray, ids_hw: ByteArray, bonnet_id: int, rng: np.random.Generator
) -> tuple[ByteArray, ByteArray]:
    """
    Return a copy of a labelled image with a random bonnet at its lower border.

    Its edge is a flat arch, its paint of any colour, and it mirrors what stands above it: a glossy
    bonnet under a bright sky is what a network takes for road most readily.

    Parameters
    ----------
    image_hwc : ndarray
        uint8 [H, W, 3] in BGR order.
    ids_hw : ndarray
        uint8 [H, W].
    bonnet_id : int
        The label of the bonnet's pixels.
    rng : numpy.random.Generator
        Decides shape, paint and gloss.

    """
    height, width = ids_hw.shape
    top_px = height * (1.0 - rng.uniform(0.05, 0.5))
    inside = _arch(height, width, top_px, rng)
    image = image_hwc.copy()
    image[inside] = _paint(image_hwc, top_px, rng)[inside]
    ids = ids_hw.copy()
    ids[inside] = bonnet_id
    return image, ids


def _arch(
    height: int, width: int, top_px: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Return where the bonnet is: under an arch that falls towards the sides."""
    across = np.linspace(-1.0, 1.0, width) - rng.uniform(-0.15, 0.15)
    half_width = rng.uniform(0.75, 2.2)
    fall = np.abs(across / half_width) ** rng.uniform(1.5, 6.0)
    edge_px = top_px + (height - top_px) * fall
    return np.arange(height)[:, np.newaxis] >= edge_px


def _paint(image_hwc: ByteArray, top_px: float, rng: np.random.Generator) -> ByteArray:
    height = image_hwc.shape[0]
    below = np.arange(height) - top_px
    mirrored_row = np.clip(top_px - np.abs(below) * rng.uniform(0.8, 2.5), 0, height - 1)
    mirrored = cv2.blur(image_hwc[mirrored_row.astype(np.intp)], (5, 3)).astype(np.float32)
    brightness = rng.uniform(0.0, 1.0) ** 1.5
    tint = rng.uniform(0.0, 1.0, 3) if rng.random() < 0.5 else np.ones(3)
    # Paint is seen at a flatter angle, and so mirrors more, the farther away it is.
    gloss = rng.uniform(0.0, 0.8) * np.clip(1.2 - below / max(height - top_px, 1.0), 0.2, 1.0)
    gloss_h11 = gloss[:, np.newaxis, np.newaxis]
    base = 255.0 * brightness * tint * np.linspace(1.0, rng.uniform(0.4, 1.2), height)[:, None]
    painted = base[:, np.newaxis] * (1.0 - gloss_h11) + mirrored * gloss_h11
    return cast(ByteArray, painted.clip(0.0, 255.0).astype(np.uint8))
