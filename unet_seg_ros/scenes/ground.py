"""Painting the ground: flat colours first, then grain, shadow and haze over all of it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.camera import FloatArray, View
from unet_seg_ros.scenes.canvas import Canvas
from unet_seg_ros.scenes.pieces import LINE_LAYER, NUM_LAYERS
from unet_seg_ros.scenes.polygons import Polygons
from unet_seg_ros.scenes.sky import horizon
from unet_seg_ros.scenes.street import BEHIND_M, SIGHT_M
from unet_seg_ros.scenes.surface import FOCAL_PX, GRAIN_HALF_M, GRAIN_PERIOD_M, NEUTRAL, GrainBand
from unet_seg_ros.scenes.tags import Material
from unet_seg_ros.scenes.town import Town
from unet_seg_ros.scenes.weather import Weather

_POOL_BLUR_PX = 31
_LEAST_PX = 0.3


class GroundPainter:
    """
    Paints the ground of a town in one weather.

    Parameters
    ----------
    town : Town
        What there is.
    weather : Weather
        The light.
    inks : ndarray
        float64 [materials, 4], colour in sunlight and tag.

    """

    def __init__(self, town: Town, weather: Weather, inks: FloatArray) -> None:
        self._town = town
        self._weather = weather
        inks = inks.copy()
        inks[: Material.KERB_FACE, :3] *= 1.0 - 0.35 * weather.wetness
        inks[Material.KERB_FACE :, :3] *= 1.0 - 0.22 * weather.wetness
        self._inks = [tuple(row) for row in np.rint(inks).tolist()]
        self._light = _light_table(weather)

    def paint(
        self, canvas: Canvas, station_m: float, shadows: tuple[FloatArray, list[int]]
    ) -> None:
        """Paint the ground as seen from a station; shadows are points and polygon lengths."""
        view = canvas.view
        left, right = horizon(view)
        height, width = canvas.pixels.shape[:2]
        top = int(np.clip(np.floor(min(left, right)), 0, height - 1))
        corners = np.array(
            [[-1.0, left], [width, right], [width, height + 4.0], [-1, height + 4.0]]
        )
        if max(left, right) < height + 3:
            canvas.fill(corners, self._inks[Material.GRASS])
        self._lay(canvas, station_m, range(LINE_LAYER), thin=False)
        self._lay(canvas, station_m, range(LINE_LAYER, LINE_LAYER + 1), thin=True)
        self._lay(canvas, station_m, range(LINE_LAYER + 1, NUM_LAYERS), thin=False)
        self._shade(canvas, station_m, top - top % 2, shadows)

    def _lay(self, canvas: Canvas, station_m: float, numbers: range, thin: bool) -> None:
        """Fill the pieces of some layers in their flat colours, the farthest first."""
        points, inks = [], []
        for number in numbers:
            layer = self._town.ground[number]
            first, last = np.searchsorted(
                layer.station_m, [station_m - BEHIND_M, station_m + SIGHT_M]
            )
            points.append(layer.points_m[first:last][::-1])
            inks += [self._inks[i] for i in layer.material[first:last][::-1].tolist()]
        flat = np.concatenate(points).reshape(-1, 3)
        Polygons(canvas.view, flat, [4] * len(inks), inks, _LEAST_PX, thin).fill(canvas.pixels)

    def _shade(
        self, canvas: Canvas, station_m: float, top: int, shadows: tuple[FloatArray, list[int]]
    ) -> None:
        """Multiply the ground with grain and shadow, both painted at half the resolution."""
        view = _halved(canvas.view)
        size = view.camera.size
        lower = canvas.pixels[top:]
        half_top = top // 2
        grain = _grain(self._town.grain, view, self._axes(station_m), (station_m, half_top))
        tag = np.ascontiguousarray(lower[::2, ::2, 3])
        tone = np.asarray(cv2.extractChannel(grain, 0), np.uint8)
        for channel, owner in ((1, tags.SIDEWALK), (2, tags.TERRAIN)):
            own = (tag == owner).view(np.uint8)
            cv2.copyTo(cv2.extractChannel(grain, channel), own, tone)
        lit: ByteArray = np.full(size, 0 if self._weather.lamps else 255, np.uint8)
        points, lengths = shadows
        value = 255.0 if self._weather.lamps else 0.0
        Polygons(view, points, lengths, [(value,)] * len(lengths), 1.0).fill(lit)
        if self._weather.lamps:
            cv2.blur(lit, (_POOL_BLUR_PX, _POOL_BLUR_PX), dst=lit)
        whole = lower.shape[1], lower.shape[0]
        soft = np.asarray(cv2.resize(lit[half_top:], whole), np.uint8)
        tone = np.asarray(cv2.resize(tone, whole), np.uint8)
        packed = np.empty(tone.shape, np.uint32)
        np.take(self._light, (tone & 0xF8) | (soft >> 5), mode='clip', out=packed)
        gain = packed.view(np.uint8).reshape(lower.shape)
        cv2.multiply(lower, gain, dst=lower, scale=1.0 / NEUTRAL)
        self._haze(canvas.view, lower, top)

    def _axes(self, station_m: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the street's point, direction ahead and direction left at a station."""
        line = self._town.street.centerline
        heading = float(line.heading(np.array(station_m)))
        ahead = np.array([np.cos(heading), np.sin(heading), 0.0])
        left = np.array([-np.sin(heading), np.cos(heading), 0.0])
        return line.point(station_m, 0.0), ahead, left

    def _haze(self, view: View, lower: ByteArray, top: int) -> None:
        """Blend the rows near the horizon with the colour of the air."""
        row = np.arange(top, top + len(lower)) + 0.5
        down = (row - view.camera.size.height / 2) / view.camera.focal_px
        sink = np.maximum(np.tan(np.arctan(down) - view.pitch_rad), 1e-4)
        depth = view.position_m[2] / sink
        share = 1.0 - np.exp(-self._weather.haze_per_m * depth)
        count = int(np.searchsorted(-share, -0.02))
        if count == 0:
            return
        keep = np.full((count, 1, 4), 255.0)
        keep[:, 0, :3] = 255.0 * (1.0 - share[:count, None])
        air = np.zeros((count, 1, 4))
        air[:, 0, :3] = share[:count, None] * self._weather.haze_bgr
        band = lower[:count]
        width = lower.shape[1]
        wide = np.repeat(np.rint(keep).astype(np.uint8), width, axis=1)
        cv2.multiply(band, wide, dst=band, scale=1 / 255)
        cv2.add(band, np.repeat(np.rint(air).astype(np.uint8), width, axis=1), dst=band)


def _halved(view: View) -> View:
    """Return the same view in a picture of half the size, rounded up."""
    height, width = view.camera.size
    camera = replace(view.camera, size=ImageSize((height + 1) // 2, (width + 1) // 2))
    return replace(view, camera=camera)


def _light_table(weather: Weather) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Return gains by grain (upper five bits) and light (lower three), packed as BGR and tag."""
    index = np.arange(256)
    grain = ((index & 0xF8) + 4.0)[:, None] / NEUTRAL
    light = ((index & 7) / 7.0)[:, None]
    if not weather.shadows and not weather.lamps:
        light = 0.55 + 0.45 * light
    gain = (weather.shade_gain + (weather.sun_gain - weather.shade_gain) * light) * grain
    table = np.full((256, 4), NEUTRAL, np.uint8)
    table[:, :3] = np.clip(np.rint(gain * NEUTRAL), 0, 255)
    return np.ascontiguousarray(table).view(np.uint32)[:, 0]


def _grain(
    bands: list[GrainBand],
    view: View,
    axes: tuple[FloatArray, FloatArray, FloatArray],
    place: tuple[float, int],
) -> ByteArray:
    """Return the grain of all ground pixels from a row on, uint8 [rows, W, 3]."""
    origin, ahead, left = axes
    station_m, top = place
    size = view.camera.size
    grain = np.full((size.height - top, size.width, 3), NEUTRAL, np.uint8)
    bottom = size.height
    for band in bands:
        start_m = station_m + band.from_m * view.camera.focal_px / (FOCAL_PX / 2) - 1.0
        aligned_m = np.floor(start_m / GRAIN_PERIOD_M) * GRAIN_PERIOD_M
        corner = origin + ahead * (aligned_m - station_m) + left * GRAIN_HALF_M
        # A smaller picture needs the coarser grain earlier.
        to_m = band.to_m * view.camera.focal_px / (FOCAL_PX / 2)
        far = np.append(view.position_m[:2] + view.ground_forward * to_m, 0.0)
        far_px = view.to_pixels(view.to_camera(far))
        upper = int(np.clip(np.rint(far_px[1]), top, bottom))
        if upper < bottom:
            to_image = view.homography(corner, -left * band.across_m, ahead * band.along_m)
            to_image[1] -= upper * to_image[2]
            cv2.warpPerspective(
                band.pixels,
                to_image,
                (size.width, bottom - upper),
                dst=grain[upper - top : bottom - top],
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=(NEUTRAL, NEUTRAL, NEUTRAL),
            )
        bottom = upper
    return grain
