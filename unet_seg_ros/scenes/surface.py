"""Colours and grain of the ground: asphalt, lines, kerbs, slabs and grass."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.district import Layout
from unet_seg_ros.scenes.street import Street
from unet_seg_ros.scenes.tags import MATERIAL_TAGS, Material
from unet_seg_ros.scenes.textures import SingleArray, bgr, jitter, smooth_noise, to_bytes

#: The grain repeats along the road after this length [m].
GRAIN_PERIOD_M = 12.8
#: The grain reaches this far to either side of the road's axis [m].
GRAIN_HALF_M = 14.0
#: The focal length for which the grain's bands are meant [px].
FOCAL_PX = 640.0
#: A grain of this value leaves a colour as it is.
NEUTRAL = 128
_LIKE_ROAD_SHARE = 0.15


@dataclass(frozen=True)
class GrainBand:
    """
    The grain at one resolution, for the ground between two distances.

    Attributes
    ----------
    from_m, to_m : float
        Distance from the camera.
    across_m, along_m : float
        Size of a pixel across and along the road.
    pixels : ndarray
        uint8 [rows, columns, 3]: asphalt, slabs and grass; rows go ahead, columns to the right.
    """

    from_m: float
    to_m: float
    across_m: float
    along_m: float
    pixels: ByteArray


def draw_inks(rng: np.random.Generator, layout: Layout) -> FloatArray:
    """Return the colour and tag of each `Material` in sunlight, float64 [materials, 4]."""
    inks = np.zeros((len(Material), 4))
    road = bgr(jitter(rng, layout.roads[int(rng.integers(len(layout.roads)))], 18))
    walk = bgr(jitter(rng, layout.sidewalks[int(rng.integers(len(layout.sidewalks)))], 20))
    if rng.random() < _LIKE_ROAD_SHARE:
        # Many real sidewalks have the road's own colour: only kerb and pattern tell them apart.
        walk = road * rng.uniform(0.85, 1.15)
    grass = bgr(jitter(rng, layout.grounds[int(rng.integers(len(layout.grounds)))], 12))
    wear = float(rng.uniform(0.0, 0.55) * rng.random())
    white, yellow = bgr((232, 232, 226)), bgr((228, 176, 44))
    yellow = yellow * rng.uniform(0.85, 1.08) + np.array([rng.uniform(0, 60), 0, 0])
    white = white * rng.uniform(0.88, 1.06)
    kerb = walk * rng.uniform(0.9, 1.15) if rng.random() < 0.6 else bgr((176, 174, 170))
    colors = {
        Material.ROAD: road,
        Material.PATCH_DARK: road * rng.uniform(0.72, 0.92),
        Material.PATCH_LIGHT: road * rng.uniform(1.04, 1.12),
        Material.MANHOLE: road * 0.6,
        Material.LINE_WHITE: white + (road - white) * wear,
        Material.LINE_YELLOW: yellow + (road - yellow) * wear,
        Material.KERB_FACE: kerb * rng.uniform(0.6, 0.85),
        Material.KERB_TOP: kerb,
        Material.SIDEWALK: walk,
        Material.SIDEWALK_PATCH: walk * rng.uniform(0.84, 1.1),
        Material.GRASS: grass,
    }
    for material, color in colors.items():
        inks[material, :3] = np.clip(color, 0, 255)
        inks[material, 3] = MATERIAL_TAGS[material]
    return inks


def _asphalt(rng: np.random.Generator, street: Street, shape: tuple[int, int]) -> SingleArray:
    """Return asphalt: grain, blotches, and the marks that tyres and dirt leave on each lane."""
    tone = 0.075 * rng.standard_normal(shape, np.float32)
    tone += 0.025 * smooth_noise(rng, *shape, 4.0, wrap=True)
    tone += 0.03 * smooth_noise(rng, *shape, 90.0, wrap=True)
    offset = np.linspace(GRAIN_HALF_M, -GRAIN_HALF_M, shape[1])
    inside = np.abs(offset) < street.lanes_half_m
    in_lane = np.mod(np.abs(offset), street.lane_width_m) - street.lane_width_m / 2
    tracks = np.exp(-(((np.abs(in_lane) - 0.8) / 0.28) ** 2))
    oil = np.exp(-((in_lane / 0.3) ** 2))
    depth = rng.uniform(-0.05, 0.08), rng.uniform(0.0, 0.07)
    tone -= (inside * (depth[0] * tracks + depth[1] * oil)).astype(np.float32)
    dirt = np.exp(-np.abs(np.abs(offset) - street.half_m) / 0.25) * rng.uniform(0.0, 0.18)
    return np.asarray(tone - dirt.astype(np.float32), np.float32)


def _slabs(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> SingleArray:
    """Return paving: slabs of one size with joints, each a little different."""
    rows, columns = shape
    kind = rng.choice(['slabs', 'pavers', 'concrete'], p=[0.5, 0.25, 0.25])
    across_m, along_m = {
        'slabs': (rng.uniform(0.4, 1.2), GRAIN_PERIOD_M / rng.integers(10, 28)),
        'pavers': (0.2, GRAIN_PERIOD_M / 64),
        'concrete': (3.0, GRAIN_PERIOD_M / 6),
    }[str(kind)]
    tone = 0.05 * rng.standard_normal(shape, np.float32)
    tone += 0.04 * smooth_noise(rng, rows, columns, 30.0, wrap=True)
    pitch_r, pitch_c = along_m / (GRAIN_PERIOD_M / rows), across_m * scale
    r = np.arange(rows) / pitch_r
    bond = 0.5 if rng.random() < 0.5 else 0.0
    c = np.arange(columns)[None] / pitch_c + bond * (np.floor(r)[:, None] % 2)
    tones = rng.normal(0.0, rng.uniform(0.01, 0.07), (97,)).astype(np.float32)
    tone += tones[(np.floor(r)[:, None] * 31 + np.floor(c) * 17).astype(np.intp) % 97]
    width = max(1.2, 0.012 * scale)
    joint = (np.mod(r, 1.0)[:, None] * pitch_r < width * 0.6) | (np.mod(c, 1.0) * pitch_c < width)
    return np.asarray(tone - joint * np.float32(rng.uniform(0.08, 0.25)), np.float32)


def _grass(rng: np.random.Generator, shape: tuple[int, int]) -> SingleArray:
    tone = 0.12 * rng.standard_normal(shape, np.float32)
    for cell, part in ((5.0, 0.1), (28.0, 0.07), (120.0, 0.06)):
        tone += part * smooth_noise(rng, *shape, cell, wrap=True)
    return tone


def paint_grain(rng: np.random.Generator, street: Street) -> list[GrainBand]:
    """Return the grain of a street, from the nearest band to the farthest."""
    scale = 48.0
    shape = round(GRAIN_PERIOD_M * 40.0), round(2 * GRAIN_HALF_M * scale)
    tones = _asphalt(rng, street, shape), _slabs(rng, shape, scale), _grass(rng, shape)
    period = np.dstack([to_bytes(NEUTRAL * (1 + tone)) for tone in tones])
    border = max(1, shape[1] // 40)
    fade = np.clip(np.arange(shape[1]) / border, 0, 1)
    fade = np.minimum(fade, fade[::-1])[None, :, None]
    period = to_bytes(np.asarray(NEUTRAL + (period - np.float32(NEUTRAL)) * fade, np.float32))
    bands = []
    for from_m, to_m, rows, columns in (
        (0.0, 7.0, shape[0], shape[1]),
        (7.0, 22.0, 128, shape[1] // 2),
        (22.0, 110.0, 32, shape[1] // 6),
    ):
        small = cv2.resize(period, (columns, rows), interpolation=cv2.INTER_AREA)
        times = int(np.ceil((to_m - from_m) / GRAIN_PERIOD_M)) + 2
        bands.append(
            GrainBand(
                from_m=from_m,
                to_m=to_m,
                across_m=2 * GRAIN_HALF_M / columns,
                along_m=GRAIN_PERIOD_M / rows,
                pixels=np.tile(small, (times, 1, 1)),
            )
        )
    return bands
