"""One picture's bookkeeping: what stands where, to be drawn from the farthest to the nearest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.canvas import Canvas, LitPicture
from unet_seg_ros.scenes.polygons import Ink, Polygons
from unet_seg_ros.scenes.weather import Weather

#: Pictures are kept at so many strengths of haze.
HAZE_STEPS = 12
#: When lit pictures take more than this, they are dropped and made anew.
_KEPT_BYTES = 96 << 20
_COVER_BINS = 80


class Shading:
    """
    Colours of things under one weather; lit pictures are kept for later frames.

    Parameters
    ----------
    weather : Weather
        The light and the air.

    """

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self._lit: dict[tuple[object, ...], LitPicture] = {}
        self._kept_bytes = 0

    def haze_steps(self, depth_m: FloatArray) -> list[int]:
        """Return the strength of the haze at distances [n], each 0 to `HAZE_STEPS`."""
        share = 1.0 - np.exp(-self.weather.haze_per_m * np.maximum(depth_m, 0.0))
        return [round(step) for step in (share * HAZE_STEPS).tolist()]

    def picture(
        self,
        key: tuple[object, ...],
        picture: ByteArray,
        gain: npt.NDArray[np.floating[Any]],
        step: int,
    ) -> LitPicture:
        """Return a picture [h, w, 4] under a gain [3] in BGR, behind haze of a strength."""
        full = (*key, step)
        found = self._lit.get(full)
        if found is None:
            share = step / HAZE_STEPS
            table = np.empty((1, 256, 4), np.uint8)
            value = np.arange(256.0)[:, None]
            shade = value * gain * (1 - share) + share * self.weather.haze_bgr
            table[0, :, :3] = np.clip(np.rint(shade), 0, 255)
            table[0, :, 3] = np.arange(256)
            pixels = np.asarray(cv2.LUT(picture, table), np.uint8)
            mean = pixels[:: max(1, len(pixels) // 8), :: max(1, pixels.shape[1] // 8)]
            ink = (*mean[..., :3].mean(axis=(0, 1)).tolist(), float(pixels[0, 0, 3]))
            self._kept_bytes += pixels.nbytes
            if self._kept_bytes > _KEPT_BYTES:
                self._lit.clear()
                self._kept_bytes = pixels.nbytes
            found = self._lit[full] = LitPicture(pixels, ink)
        return found

    def inks(self, colors_bgr: FloatArray, depth_m: FloatArray, tag: npt.ArrayLike) -> list[Ink]:
        """Return colours [n, 3], already lit, behind haze and with their tags."""
        share = 1.0 - np.exp(-self.weather.haze_per_m * np.maximum(depth_m, 0.0))[:, None]
        inks = np.empty((len(colors_bgr), 4))
        inks[:, :3] = (1 - share) * np.clip(colors_bgr, 0, 255) + share * self.weather.haze_bgr
        inks[:, 3] = tag
        return [tuple(row) for row in inks.tolist()]


@dataclass(frozen=True)
class Paint:
    """Colours of polygons, float [n, 3] in BGR and already lit, and the tag of all of them."""

    colors_bgr: FloatArray
    tag: int


class Cover:
    """
    Which parts of the picture lie behind a house: what is drawn there may be left out.

    Parameters
    ----------
    width_px : int
        The picture's width.

    """

    def __init__(self, width_px: int) -> None:
        self._bin_px = width_px / _COVER_BINS
        self._depth = [np.inf] * _COVER_BINS
        self._top = [np.inf] * _COVER_BINS

    def hides(self, left_px: float, right_px: float, top_px: float, depth_m: float) -> bool:
        """Tell whether all columns of a thing lie behind something nearer and higher."""
        first = max(0, int(left_px / self._bin_px))
        last = min(_COVER_BINS - 1, int(right_px / self._bin_px))
        return all(
            self._depth[i] < depth_m and self._top[i] <= top_px for i in range(first, last + 1)
        )

    def add(self, left_px: float, right_px: float, top_px: float, depth_m: float) -> None:
        """Cover the columns that lie wholly between two others from a row on downwards."""
        first = max(0, int(np.ceil(left_px / self._bin_px)))
        last = min(_COVER_BINS, int(right_px / self._bin_px))
        for i in range(first, last):
            if top_px < self._top[i]:
                self._top[i], self._depth[i] = top_px, depth_m


class Stage:
    """
    Collects what one picture shows above the ground, then draws it in order.

    Parameters
    ----------
    canvas : Canvas
        Where to draw.
    shading : Shading
        Colours.
    station_m : float
        Where the camera is along the street.

    """

    def __init__(self, canvas: Canvas, shading: Shading, station_m: float) -> None:
        self.canvas = canvas
        self.view = canvas.view
        self.shading = shading
        self.station_m = station_m
        self._things: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []
        self._points: list[FloatArray] = []
        self._lengths: list[int] = []
        self._colors: list[FloatArray] = []
        self._depths: list[FloatArray] = []
        self._tags: list[int] = []
        self.cover = Cover(canvas.view.camera.size.width)

    def add(self, depth_m: float, draw: Callable[..., None], *arguments: object) -> None:
        """Draw something by a call, in its turn."""
        self._things.append((depth_m, draw, arguments))

    def add_polygons(
        self, depth_m: float, points_m: FloatArray, lengths: list[int], paint: Paint
    ) -> None:
        """Draw convex polygons of world points [p, 3] together, in their turn."""
        first = len(self._lengths)
        count = len(lengths)
        self._points.append(points_m)
        self._lengths += lengths
        self._colors.append(paint.colors_bgr)
        self._depths.append(np.full(count, depth_m))
        self._tags += [paint.tag] * count
        self._things.append((depth_m, self._fill, (first, first + count)))

    def _fill(self, first: int, last: int) -> None:
        self._prepared.fill(self.canvas.pixels, first, last)

    def draw(self) -> None:
        """Draw everything, the farthest first."""
        if self._points:
            colors, depths = np.concatenate(self._colors), np.concatenate(self._depths)
            inks = self.shading.inks(colors, depths, np.array(self._tags))
            points = np.concatenate(self._points)
            self._prepared = Polygons(self.view, points, self._lengths, inks)
        for _, draw, arguments in sorted(self._things, key=_depth):
            draw(*arguments)


def _depth(thing: tuple[float, Callable[..., None], tuple[Any, ...]]) -> float:
    return -thing[0]
