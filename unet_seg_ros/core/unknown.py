"""Pixels of which nothing is said: the own vehicle, what is outside, what is too uncertain."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.geometry import Geometry
from unet_seg_ros.core.resize import resize_ids
from unet_seg_ros.core.size import ByteArray

# Every bit counts, as masks often hold a 1; transparency is no channel of the mask.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


class EgoMask:
    """
    The pixels in which a camera sees its own vehicle, always at the same place.

    Parameters
    ----------
    mask : ndarray
        Integers [H, W] or [H, W, C], of the camera's size or scaled; the own vehicle is where a
        channel is not zero.

    """

    def __init__(self, mask: npt.NDArray[np.integer[Any]]) -> None:
        """Keep where the mask is not zero."""
        is_ego = mask.any(axis=2) if mask.ndim == 3 else mask != 0
        self._ego = is_ego.astype(np.uint8) * np.uint8(255)
        self._at_output: tuple[Geometry, ByteArray] | None = None

    @classmethod
    def read(cls, path: Path) -> EgoMask:
        """
        Read a mask from an image file; transparency is ignored.

        Raises
        ------
        ConfigurationError
            If the file is missing or no image.

        """
        try:
            data = np.frombuffer(path.read_bytes(), np.uint8)
        except OSError as e:
            raise ConfigurationError(f'ego mask {path}: {e.strerror}') from e
        try:
            image = cv2.imdecode(data, _FLAGS) if data.size else None
        except cv2.error:  # of sizes that no image has
            image = None
        if image is None:
            raise ConfigurationError(f'ego mask {path} is no image that can be read: give a PNG')
        return cls(cast(npt.NDArray[np.integer[Any]], image))

    def at_output(self, geometry: Geometry) -> ByteArray:
        """
        Return the mask as the output shows it.

        Returns
        -------
        ndarray
            uint8 [H, W] of the output's size, 255 for the own vehicle and 0 elsewhere, resized by
            nearest neighbour; kept for the next frame, so not to be changed.

        """
        if self._at_output is None or self._at_output[0] is not geometry:
            camera = resize_ids(self._ego, geometry.camera)
            output = resize_ids(geometry.window.of_image(camera), geometry.output)
            self._at_output = geometry, output
        return self._at_output[1]


class UnknownPixels:
    """
    Decides by the published confidence which pixels are unknown, so that readers can do the same.

    Outside the region and on the own vehicle the confidence is 0. A pixel is unknown where its
    confidence is 0 or below the least, and nowhere else.

    Parameters
    ----------
    min_confidence : float
        The least confidence, 0 to 1.
    ego : EgoMask, optional
        The own vehicle in this camera's image.

    Raises
    ------
    ConfigurationError
        If the least confidence is not from 0 to 1.

    """

    def __init__(self, min_confidence: float = 0.0, ego: EgoMask | None = None) -> None:
        """Find the lowest value in uint8 that is enough."""
        if not 0.0 <= min_confidence <= 1.0:
            raise ConfigurationError(
                f'min_confidence {min_confidence} is not a probability: choose from 0 to 1'
            )
        self._ego = ego
        self._least = max(int(np.count_nonzero(np.arange(256) / 255 < min_confidence)), 1)

    @property
    def is_off(self) -> bool:
        """Whether every pixel of the region is known, so that there is nothing to look for."""
        return self._least == 1 and self._ego is None

    def confidence(
        self, geometry: Geometry, probability_hw: ByteArray, out: ByteArray | None = None
    ) -> ByteArray:
        """
        Return the confidence as it is published.

        Parameters
        ----------
        geometry : Geometry
            Where the network's pixels lie.
        probability_hw : ndarray
            uint8 [h/4, w/4], of the winning class, 0 to 255 for 0 to 1.
        out : ndarray, optional
            Of the result's shape, to be filled with it.

        Returns
        -------
        ndarray
            uint8 [H, W] of the output's size.

        """
        confidence = geometry.probability_to_output(probability_hw, out)
        if self._ego is not None:
            cv2.subtract(confidence, self._ego.at_output(geometry), confidence)
        return confidence

    def mask(self, confidence_hw: ByteArray) -> ByteArray:
        """
        Return the unknown pixels.

        Parameters
        ----------
        confidence_hw : ndarray
            uint8 [H, W], as `confidence` gives it.

        Returns
        -------
        ndarray
            uint8 [H, W], 255 where nothing is known and 0 elsewhere.

        """
        _, unknown = cv2.threshold(confidence_hw, self._least - 1, 255, cv2.THRESH_BINARY_INV)
        return cast(ByteArray, unknown)
