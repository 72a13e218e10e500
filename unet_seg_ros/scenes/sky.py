"""Sky, clouds and the far silhouette of hills, woods and towers."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.camera import FloatArray, View
from unet_seg_ros.scenes.canvas import Canvas
from unet_seg_ros.scenes.textures import SingleArray, smooth_noise, to_bytes
from unet_seg_ros.scenes.weather import Weather

_COLUMNS = 768
_NUM_CLOUDS = 12
#: The sky is looked up for squares of so many pixels and smoothed between them.
_COARSE_PX = 6
_ROWS = 96
_TOP_RAD = np.radians(65.0)
_BOTTOM_RAD = np.radians(-5.0)
_PROFILE_STEP_RAD = np.radians(0.5)
#: The sun dazzles up to this height: sine of 24 degrees.
_GLARE_SINE = 0.41


class Sky:
    """
    All that is too far away to move: drawn by direction only.

    Parameters
    ----------
    weather : Weather
        Colours, clouds and sun.
    urban : float
        Share of towers in the silhouette, 0 to 1; the rest are woods.
    rng : numpy.random.Generator
        Where clouds and silhouettes come from.

    """

    def __init__(self, weather: Weather, urban: float, rng: np.random.Generator) -> None:
        self._weather = weather
        self._panorama = _paint_sky(weather, rng)
        count = round(2 * np.pi / _PROFILE_STEP_RAD)
        noise = smooth_noise(rng, 4, count, 9.0, wrap=True)[0]
        woods = np.radians(2.2 + 1.0 * noise + 0.35 * rng.standard_normal(count))
        steps = np.repeat(rng.uniform(0.5, 9.0, count // 5 + 1) ** 1.0, 5)[:count]
        built = np.repeat(rng.random(count // 5 + 1) < urban, 5)[:count]
        towers = np.radians(np.where(built, steps, -2.0))
        self._profiles = (np.maximum(towers, np.radians(-2.0)), woods)
        share = 1.0 - np.exp(-(weather.haze_per_m + 0.0012) * 320.0)
        wood = np.array([44, 74, 56]) * weather.sun_gain * 0.8
        house = np.array([142, 136, 132]) * weather.sun_gain * 0.85
        self._inks = tuple(
            (*((1 - share) * color + share * weather.haze_bgr).tolist(), float(tag))
            for color, tag in ((house, tags.BUILDING), (wood, tags.VEGETATION))
        )

    def paint(self, canvas: Canvas) -> None:
        """Fill the canvas from the top to a little below the horizon."""
        view = canvas.view
        height, width = canvas.pixels.shape[:2]
        focal = view.camera.focal_px
        columns = (np.arange(0, width, _COARSE_PX) + _COARSE_PX / 2 - 0.5 - width / 2) / focal
        azimuth = view.yaw_rad - np.arctan(columns)
        picked = np.mod(np.rint(azimuth / (2 * np.pi) * _COLUMNS), _COLUMNS).astype(np.intp)
        rows = (np.arange(0, height, _COARSE_PX) + _COARSE_PX / 2 - 0.5 - height / 2) / focal
        elevation = view.pitch_rad - np.arctan(rows)
        share = (_TOP_RAD - elevation) / (_TOP_RAD - _BOTTOM_RAD)
        lines = np.clip(np.rint(share * (_ROWS - 1)), 0, _ROWS - 1).astype(np.intp)
        lines = lines[: int(np.searchsorted(-elevation, -_BOTTOM_RAD)) + 1]
        small = self._panorama[lines[:, None], picked[None]]
        deep = min(height, len(lines) * _COARSE_PX)
        size = small.shape[1] * _COARSE_PX, len(lines) * _COARSE_PX
        grown = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
        canvas.pixels[:deep] = grown[:deep, :width]
        for profile, ink in zip(self._profiles, self._inks, strict=True):
            self._silhouette(canvas, profile, ink)

    def glare(self, canvas: Canvas) -> None:
        """Veil the picture with the sun's glare, if the sun is low and in front."""
        view, weather = canvas.view, self._weather
        sun = view.axes @ weather.to_sun
        if not weather.shadows or weather.to_sun[2] > _GLARE_SINE or sun[2] < 0.3:
            return
        height, width = canvas.pixels.shape[:2]
        column, row = view.to_pixels(sun)
        x = (np.arange(0, width, 16) + 8 - column) / view.camera.focal_px
        y = (np.arange(0, height, 16) + 8 - row) / view.camera.focal_px
        veil = 150.0 * np.exp(-np.hypot(x[None], y[:, None]) / 0.22)
        small = np.zeros((*veil.shape, 4), np.uint8)
        small[..., :3] = veil[..., None] * np.array([0.72, 0.9, 1.0])
        grown = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.add(canvas.pixels, grown, dst=canvas.pixels)

    @staticmethod
    def _silhouette(canvas: Canvas, profile: FloatArray, ink: tuple[float, ...]) -> None:
        view = canvas.view
        half = np.radians(min(view.camera.horizontal_fov_deg / 2 + 4.0, 80.0))
        first = int(np.floor((view.yaw_rad - half) / _PROFILE_STEP_RAD))
        index = np.arange(first, first + int(2 * half / _PROFILE_STEP_RAD) + 2)
        azimuth = index * _PROFILE_STEP_RAD
        height = np.tan(profile[index % len(profile)])
        stairs = np.repeat(azimuth, 2)[1:], np.repeat(height, 2)[:-1]
        ridge = np.stack([np.cos(stairs[0]), np.sin(stairs[0]), stairs[1]], axis=-1)
        ground = ridge[[-1, 0]] * [1, 1, 0] + [0, 0, -0.06]
        camera_m = np.concatenate([ridge, ground]) @ view.axes.T
        camera_m[:, 2] = np.maximum(camera_m[:, 2], 0.05)
        points = np.rint(view.to_pixels(camera_m)).astype(np.int32)
        cv2.fillPoly(canvas.pixels, [points], ink)


def horizon(view: View) -> FloatArray:
    """Return the rows of the horizon at the left and the right border [px]."""
    width = view.camera.size.width
    x = (np.array([0.0, width - 1.0]) - view.projection[0, 2]) / view.camera.focal_px
    up = view.axes[:, 2]
    y = -(up[0] * x + up[2]) / up[1]
    return np.asarray(y * view.camera.focal_px + view.projection[1, 2], np.float64)


@lru_cache(maxsize=_NUM_CLOUDS)
def _clouds(number: int) -> SingleArray:
    """Return how thick the clouds are by direction, float32 [rows, columns], about 0."""
    rng = np.random.default_rng(number)
    cover = np.zeros((_ROWS, _COLUMNS), np.float32)
    for cell, part in ((64.0, 0.6), (26.0, 0.35), (9.0, 0.18), (4.0, 0.08)):
        band = smooth_noise(rng, round(_ROWS * 2.5), _COLUMNS, cell, wrap=True)
        # Clouds are seen from the side near the horizon: squeezed into flat streaks there.
        stretch = np.linspace(0, 1, _ROWS) ** 1.8 * (len(band) - 1)
        cover += part * band[stretch.astype(np.intp)]
    return cover


def _paint_sky(weather: Weather, rng: np.random.Generator) -> ByteArray:
    """Return the sky by direction, uint8 [rows, columns, 4]; columns go against the clock."""
    elevation = np.linspace(_TOP_RAD, _BOTTOM_RAD, _ROWS, dtype=np.float32)[:, None]
    azimuth = np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False, dtype=np.float32)[None]
    rise = np.clip(elevation / np.radians(50.0), 0, 1) ** 0.6
    color = weather.haze_bgr + (weather.zenith_bgr - weather.haze_bgr) * rise[..., None]
    sun_azimuth = np.arctan2(weather.to_sun[1], weather.to_sun[0])
    cosine = (
        np.cos(elevation)
        * np.cos(azimuth - sun_azimuth)
        * np.hypot(weather.to_sun[0], weather.to_sun[1])
        + np.sin(elevation) * weather.to_sun[2]
    )
    angle = np.arccos(np.clip(cosine, -1, 1))
    if weather.shadows or weather.lamps:
        strength = 1.0 if weather.shadows else 0.45
        glow = strength * (0.75 * np.exp(-angle / 0.13) + 0.45 * np.exp(-angle / 0.5))
        glow += strength * (angle < 0.03)
        color = color + glow[..., None] * np.array([160.0, 205.0, 225.0], np.float32)
    cover = np.roll(_clouds(int(rng.integers(_NUM_CLOUDS))), int(rng.integers(_COLUMNS)), axis=1)
    threshold = 1.0 - 1.9 * weather.cloud
    mist = np.clip((cover - threshold) * 0.9, 0.0, 1.0)[..., None]
    mist = mist * np.clip(elevation / np.radians(12.0), 0.25, 1.0)[..., None]
    shaded = weather.cloud_bgr * (0.93 + 0.07 * np.clip(cover, -1, 1))[..., None]
    color = color + (shaded - color) * mist * (0.85 if weather.shadows else 0.5)
    painted = to_bytes(np.asarray(color, np.float32))
    return np.dstack([painted, np.full((_ROWS, _COLUMNS), tags.SKY, np.uint8)])
