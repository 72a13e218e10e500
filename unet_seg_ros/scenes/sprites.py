"""Flat pictures that always face the camera, and a sheet to paint them on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.district import Color
from unet_seg_ros.scenes.textures import pyramid


@dataclass(frozen=True)
class Sprite:
    """
    A picture with its outline.

    Attributes
    ----------
    levels : list of ndarray
        uint8 [h, w, 4], BGR and a channel without meaning, at falling resolution; outside the
        outline the colour goes on.
    outlines : list of ndarray
        uint8 [h, w], the tag, or 0 outside.
    width_m, height_m : float
        What the whole picture covers.
    """

    levels: list[ByteArray]
    outlines: list[ByteArray]
    width_m: float
    height_m: float


class Sheet:
    """A picture in the making, in units of its height: x from -aspect/2, y up from 0."""

    def __init__(self, height: int, aspect: float) -> None:
        self.height = height
        self.width = round(height * aspect)
        self.color = np.zeros((height, self.width, 3), np.uint8)
        self.tag = np.zeros((height, self.width), np.uint8)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(self.width / 2 + x * self.height), round((1 - y) * self.height)

    def disc(
        self, tag: int, rgb: Color, centre: tuple[float, float], axes: tuple[float, float]
    ) -> None:
        """Paint an ellipse by its centre and half axes."""
        size = (max(1, round(axes[0] * self.height)), max(1, round(axes[1] * self.height)))
        where = self._at(*centre)
        cv2.ellipse(self.color, where, size, 0, 0, 360, rgb[::-1], -1)
        cv2.ellipse(self.tag, where, size, 0, 0, 360, tag, -1)

    def polygon(self, tag: int, rgb: Color, corners: list[tuple[float, float]]) -> None:
        """Paint a polygon."""
        points = np.array([self._at(*corner) for corner in corners], np.int32)
        cv2.fillPoly(self.color, [points], rgb[::-1])
        cv2.fillPoly(self.tag, [points], tag)

    def line(
        self, tag: int, rgb: Color, ends: tuple[tuple[float, float], tuple[float, float]], w: float
    ) -> None:
        """Paint a line of a width."""
        thickness = max(1, round(w * self.height))
        first, second = self._at(*ends[0]), self._at(*ends[1])
        cv2.line(self.color, first, second, rgb[::-1], thickness)
        cv2.line(self.tag, first, second, tag, thickness)

    def finish(self, height_m: float) -> Sprite:
        """Return the sprite, with its colours continued beyond the outline."""
        spread: ByteArray = self.color
        inside = (self.tag > 0).astype(np.uint8)
        for _ in range(3):
            grown = cv2.dilate(spread, np.ones((3, 3), np.uint8))
            spread = np.asarray(np.where(inside[..., None] > 0, spread, grown), np.uint8)
            cv2.dilate(inside, np.ones((3, 3), np.uint8), dst=inside)
        colors = pyramid(np.asarray(cv2.cvtColor(spread, cv2.COLOR_BGR2BGRA), np.uint8))
        outlines = [self.tag]
        for level in colors[1:]:
            size = level.shape[1], level.shape[0]
            solid = cv2.resize((self.tag > 0) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
            nearest = cv2.resize(self.tag, size, interpolation=cv2.INTER_NEAREST)
            filled = cv2.dilate(nearest, np.ones((3, 3), np.uint8))
            chosen = np.where(nearest > 0, nearest, filled)
            outlines.append(np.where(solid >= 100, chosen, 0).astype(np.uint8))
        return Sprite(colors, outlines, height_m * self.width / self.height, height_m)
