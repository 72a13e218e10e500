"""Random changes of labelled images that a driving camera could have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from unet_seg_ros.core.classes import UNKNOWN_ID
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.training.bonnet import add_bonnet


@dataclass(frozen=True)
class Variation:
    """
    How far a source's images are varied.

    Attributes
    ----------
    window : float
        Share of the samples that show a part of the image only, with other proportions.
    flip : bool
        Mirror half of the samples.
    bonnet : float
        Share of the samples that get the bonnet of the vehicle itself.
    bonnet_id : int
        The label of the bonnet's pixels.
    gentle : bool
        Beside bonnets, change colours a little and nothing else: the image as the vehicle sees
        it, and traffic on its own side of the road.

    """

    window: float = 0.15
    flip: bool = True
    bonnet: float = 0.0
    bonnet_id: int = 0
    gentle: bool = False


def augment(
    image_hwc: ByteArray,
    ids_hw: ByteArray,
    network: NetworkInput,
    rng: np.random.Generator,
    variation: Variation,
) -> tuple[ByteArray, ByteArray]:
    """
    Return a random variant of a labelled image at the network's input size.

    A window is cut out, brought to the network as on the vehicle, and mirrored half
    of the time; a bonnet comes in at the lower border; then brightness, contrast, gamma and colour
    change, and now and then a shadow falls, the lens blurs or the sensor is noisy.

    Parameters
    ----------
    image_hwc : ndarray
        uint8 [H, W, 3] in BGR order; left as it is.
    ids_hw : ndarray
        uint8 [H, W].
    network : NetworkInput
        How images come to the network.
    rng : numpy.random.Generator
        Decides all of it.
    variation : Variation
        How far to go.

    Returns
    -------
    tuple of ndarray
        Image uint8 and ids uint8 of the network's size, the ids `UNKNOWN_ID` beside a letterboxed
        image; the caller's own.

    """
    if not variation.gentle and rng.random() < variation.window:
        rows, columns = _window(ImageSize.of(ids_hw), rng)
        image_hwc, ids_hw = image_hwc[rows, columns], ids_hw[rows, columns]
    geometry = network.geometry(ImageSize.of(ids_hw))
    image = geometry.to_network(image_hwc)
    ids = geometry.labels_to_network(ids_hw, outside=UNKNOWN_ID)
    if variation.flip and not variation.gentle and rng.random() < 0.5:
        image, ids = image[:, ::-1], ids[:, ::-1]
    if rng.random() < variation.bonnet:
        image, ids = add_bonnet(image, ids, variation.bonnet_id, rng)
    if variation.gentle:
        image = _recolored(image, rng, 0.3)
    else:
        image = _degraded(_recolored(image, rng, 1.0), rng)
    return image, np.ascontiguousarray(ids)


def _window(size: ImageSize, rng: np.random.Generator) -> tuple[slice, slice]:
    """Draw a window down to half the sides, and proportions from 3:4 to 4:3 of the image's."""
    scale = rng.uniform(0.5, 1.0)
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    height = int(size.height * min(1.0, scale * stretch))
    width = int(size.width * min(1.0, scale / stretch))
    top = int(rng.integers(size.height - height + 1))
    left = int(rng.integers(size.width - width + 1))
    return slice(top, top + height), slice(left, left + width)


def _recolored(image: ByteArray, rng: np.random.Generator, strength: float) -> ByteArray:
    """Apply gamma, contrast, brightness and colour cast as one table per channel."""
    level = np.linspace(0.0, 1.0, 256)[:, np.newaxis]
    gamma = np.exp(strength * rng.uniform(-0.4, 0.5))
    contrast = np.exp(strength * rng.uniform(-0.4, 0.25))
    brightness = strength * rng.uniform(-0.1, 0.1)
    cast_bgr = np.exp(strength * rng.uniform(-0.08, 0.08, 3))
    table = ((level**gamma - 0.5) * contrast + 0.5 + brightness) * cast_bgr
    table_u8 = (table.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return cast(ByteArray, cv2.LUT(np.ascontiguousarray(image), table_u8[np.newaxis]))


def _degraded(image: ByteArray, rng: np.random.Generator) -> ByteArray:
    if rng.random() < 0.15:
        image = _shadowed(image, rng)
    if rng.random() < 0.1:
        image = cast(ByteArray, cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.0)))
    if rng.random() < 0.2:
        noise = rng.uniform(2.0, 10.0) * rng.standard_normal(image.shape, np.float32)
        image = (image + noise).clip(0.0, 255.0).astype(np.uint8)
    return image


def _shadowed(image: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Darken a random quadrangle, as a building or a tree beside the road would."""
    height, width = image.shape[:2]
    corners = rng.uniform(-0.3, 1.3, (4, 2)) * (width, height)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(corners.astype(np.int32)), 255)
    dark = cv2.convertScaleAbs(image, alpha=rng.uniform(0.4, 0.8))
    return cast(ByteArray, np.where(mask[..., np.newaxis] > 0, dark, image))
