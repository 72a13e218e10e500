"""Weather and daylight: how bright and of what colour sun, sky and haze are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.textures import SingleArray, bgr

#: Kinds of weather, with how often each is drawn.
KINDS: dict[str, float] = {
    'clear': 0.34,
    'low_sun': 0.14,
    'cloudy': 0.18,
    'overcast': 0.12,
    'rain': 0.1,
    'fog': 0.05,
    'dusk': 0.07,
}


@dataclass(frozen=True)
class Weather:
    """
    Light and air of one drive.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    to_sun : ndarray
        float64 [3], unit vector towards the sun in the world.
    sun_gain, shade_gain : ndarray
        float32 [3] in BGR, what a surface's colour is multiplied with in sun and in shadow.
    haze_bgr : ndarray
        float32 [3], the colour of the air at the horizon.
    haze_per_m : float
        Extinction; 0.01 means that 63 % of the contrast are gone at 100 m.
    zenith_bgr : ndarray
        float32 [3], the sky overhead.
    cloud : float
        Share of the sky with clouds, 0 to 1.
    cloud_bgr : ndarray
        float32 [3], colour of the clouds.
    wetness : float
        0 for a dry road, 1 for one that mirrors.
    shadows : bool
        Whether things cast hard shadows.
    lamps : bool
        Whether street lamps and head lights are on.
    """

    kind: str
    to_sun: FloatArray
    sun_gain: SingleArray
    shade_gain: SingleArray
    haze_bgr: SingleArray
    haze_per_m: float
    zenith_bgr: SingleArray
    cloud: float
    cloud_bgr: SingleArray
    wetness: float
    shadows: bool
    lamps: bool

    def gain(self, normal: FloatArray) -> SingleArray:
        """Return the gain [..., 3] of surfaces that face the unit vectors [..., 3]."""
        return self.gain_facing(np.asarray(normal) @ self.to_sun)

    def gain_facing(self, cosine: FloatArray) -> SingleArray:
        """Return the gain [..., 3] of surfaces by the cosine [...] of the sun's incidence."""
        facing = np.clip(cosine, 0.0, 1.0)[..., None]
        if not self.shadows:
            facing = 0.35 + 0.5 * facing
        lit = self.shade_gain + (self.sun_gain - self.shade_gain) * facing**0.8
        return np.asarray(lit, np.float32)


def _direction(azimuth_rad: float, elevation_rad: float) -> FloatArray:
    level = np.cos(elevation_rad)
    return np.array(
        [level * np.cos(azimuth_rad), level * np.sin(azimuth_rad), np.sin(elevation_rad)]
    )


def draw_weather(rng: np.random.Generator, kind: str | None = None) -> Weather:
    """Return weather of a kind, or of a kind drawn by lot."""
    names = list(KINDS)
    if kind is None:
        kind = str(rng.choice(names, p=np.array(list(KINDS.values())) / sum(KINDS.values())))
    elevation_deg = {'low_sun': rng.uniform(5, 16), 'dusk': rng.uniform(3, 8)}.get(
        kind, rng.uniform(22, 65)
    )
    bright = kind in ('clear', 'low_sun', 'cloudy')
    exposure = float(rng.uniform(0.78, 1.18)) if bright else float(rng.uniform(0.75, 1.15))
    warm = rng.uniform(0.0, 0.16) if kind in ('low_sun', 'dusk') else rng.uniform(-0.03, 0.05)
    tint = np.array([1 - warm, 1.0, 1 + 0.6 * warm], np.float32)
    dim = {'rain': 0.8, 'dusk': 0.75, 'overcast': 0.92, 'fog': 0.95}.get(kind, 1.0)
    sun_gain = exposure * dim * tint
    shade = rng.uniform(0.34, 0.62) if bright else rng.uniform(0.75, 0.9)
    blue = rng.uniform(0.02, 0.12)
    shade_gain = sun_gain * shade * np.array([1 + blue, 1.0, 1 - blue * 0.7], np.float32)
    if kind == 'dusk':
        # What the lamps light is warm, all else is dim and blue.
        shade_gain = exposure * rng.uniform(0.28, 0.5) * np.array([1.12, 1.0, 0.92], np.float32)
        sun_gain = shade_gain + exposure * 0.5 * np.array([0.62, 0.9, 1.1], np.float32)
    skies = {
        'clear': ((196, 212, 226), (86, 130, 182)),
        'cloudy': ((206, 214, 222), (104, 140, 180)),
        'low_sun': ((240, 226, 200), (122, 150, 186)),
        'overcast': ((196, 198, 202), (158, 162, 170)),
        'rain': ((150, 156, 162), (112, 118, 126)),
        'fog': ((200, 202, 204), (190, 194, 198)),
        'dusk': ((196, 150, 128), (62, 72, 112)),
    }
    horizon, zenith = skies[kind]
    strength = float(rng.uniform(0.85, 1.1))
    haze = {'fog': rng.uniform(0.012, 0.03), 'rain': rng.uniform(0.004, 0.009)}.get(
        kind, rng.uniform(0.0006, 0.004)
    )
    white = (250, 250, 252) if bright else (210, 212, 216)
    return Weather(
        kind=kind,
        to_sun=_direction(rng.uniform(-np.pi, np.pi), np.radians(elevation_deg)),
        sun_gain=sun_gain,
        shade_gain=shade_gain,
        haze_bgr=np.clip(bgr(horizon) * strength, 0, 255),
        haze_per_m=float(haze),
        zenith_bgr=np.clip(bgr(zenith) * strength, 0, 255),
        cloud={'clear': rng.uniform(0, 0.4), 'cloudy': rng.uniform(0.5, 0.9)}.get(kind, 0.6),
        cloud_bgr=bgr(white) * (strength if kind != 'dusk' else 0.7),
        wetness=float(rng.uniform(0.45, 1.0)) if kind == 'rain' else 0.0,
        shadows=kind in ('clear', 'low_sun', 'cloudy'),
        lamps=kind == 'dusk',
    )
