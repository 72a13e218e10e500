"""Pictures of house fronts: bricks, panels, windows, doors and shop fronts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.district import Color, Layout
from unet_seg_ros.scenes.tags import BUILDING
from unet_seg_ros.scenes.textures import bgr, jitter, pyramid, smooth_noise, to_bytes

_FLOOR_M = 3.1
#: Colours of window shutters in BGR.
_SHUTTERS = ((74, 106, 62), (140, 104, 62), (58, 74, 110), (112, 120, 122))


@dataclass(frozen=True)
class Facade:
    """
    One front and the house that belongs to it.

    Attributes
    ----------
    levels : list of ndarray
        uint8 [h, w, 4], BGR and tag, at falling resolution.
    width_m, height_m : float
        What the picture covers.
    roof : tuple of int
        Colour of the roof.
    pitched : bool
        Whether the roof is pitched.
    """

    levels: list[ByteArray]
    width_m: float
    height_m: float
    roof: Color
    pitched: bool


@dataclass(frozen=True)
class _Grid:
    """Windows per floor: centres [px] and sizes."""

    columns: ByteArray
    rows: ByteArray


def _masonry(
    rng: np.random.Generator, style: str, height: int, width: int, scale: float, wall: Color
) -> ByteArray:
    """Return the bare wall, uint8 [h, w, 3]."""
    tone = np.ones((height, width), np.float32)
    tone += 0.04 * smooth_noise(rng, height, width, 2.0 * scale)
    tone += 0.03 * rng.standard_normal((height, width), np.float32)
    rows = np.arange(height)[:, None]
    columns = np.arange(width)[None]
    if style in ('brick', 'stone'):
        course = max(2, round((0.16 if style == 'brick' else 0.55) * scale))
        joint = (rows % course == 0) | (
            (columns + (rows // course % 2) * course) % (2 * course) == 0
        )
        tone[joint] -= 0.16 if style == 'brick' else 0.22
    elif style == 'siding':
        board = max(2, round(0.22 * scale))
        tone -= 0.16 * (rows % board == 0)
    elif style in ('shed', 'panel'):
        rib = max(3, round((0.35 if style == 'shed' else 1.6) * scale))
        tone -= (0.14 if style == 'shed' else 0.2) * (columns % rib < max(1, rib // 4))
    stains = np.clip(smooth_noise(rng, 8, width, 0.4 * scale), 0, 2)
    fall = cv2.resize(stains, (width, height)) * np.linspace(0.09, 0.0, height)[:, None]
    tone -= fall.astype(np.float32)
    tone[-max(1, round(0.5 * scale)) :] *= 0.82
    return to_bytes(tone[..., None] * bgr(wall))


def _glass(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return a pane's colour in BGR: mostly dark, at times the sky or a curtain."""
    kind = rng.random()
    if kind < 0.6:
        value = int(rng.integers(25, 70))
        return value + 14, value + 6, value
    if kind < 0.85:
        value = int(rng.integers(90, 170))
        return min(255, value + 26), value + 8, value - 6
    value = int(rng.integers(120, 200))
    return value - 18, value, value + 8


def _window(
    rng: np.random.Generator,
    wall: ByteArray,
    box: tuple[int, int, int, int],
    style: str,
    trim: Color,
) -> None:
    left, top, right, bottom = box
    frame = max(1, (right - left) // 10)
    outer = (left - frame, top - frame), (right + frame, bottom + frame)
    cv2.rectangle(wall, *outer, tuple(int(c) for c in trim), -1)
    cv2.rectangle(wall, (left, top), (right, bottom), _glass(rng), -1)
    if rng.random() < 0.7:
        shade = (np.array(_glass(rng)) * 0.8).astype(int).tolist()
        split = top + int((bottom - top) * rng.uniform(0.2, 0.7))
        cv2.rectangle(wall, (left, top), (right, split), shade, -1)
    if style != 'glass':
        middle = (left + right) // 2
        line = tuple(int(c) for c in trim)
        cv2.line(wall, (middle, top), (middle, bottom), line, max(1, frame // 2))
        sill = bottom + frame
        cv2.line(wall, (left - 2 * frame, sill), (right + 2 * frame, sill), line, frame)
    if style == 'shutter':
        panel = max(2, (right - left) // 2)
        color = _SHUTTERS[sum(trim) % len(_SHUTTERS)]
        for start in (left - frame - panel, right + frame):
            cv2.rectangle(wall, (start, top), (start + panel, bottom), color, -1)


def _ground_floor(
    rng: np.random.Generator, wall: ByteArray, style: str, scale: float, bays: int
) -> None:
    """Draw doors, or shop windows with a name board, over the lowest floor."""
    height, width = wall.shape[:2]
    bay = width / bays
    shop = style in ('shop', 'glass', 'office') or rng.random() < 0.2
    top = height - round((2.6 if shop else 2.2) * scale)
    if shop:
        cv2.rectangle(wall, (0, top - round(0.3 * scale)), (width, height), (60, 60, 64), -1)
        board = rng.integers(30, 230, 3).tolist()
        for index in range(bays):
            left, right = round((index + 0.08) * bay), round((index + 0.92) * bay)
            cv2.rectangle(wall, (left, top), (right, height - round(0.3 * scale)), _glass(rng), -1)
            if rng.random() < 0.6:
                edge = top - round(0.6 * scale)
                cv2.rectangle(wall, (left, edge), (right, top), board, -1)
            if rng.random() < 0.3:
                cv2.line(wall, (left, top), (right, height), (200, 196, 190), 1)
        return
    for index in rng.choice(bays, max(1, bays // 4), replace=False):
        left = round((index + 0.35) * bay)
        right = left + round((2.6 if style == 'shed' else 1.1) * scale)
        color = rng.integers(30, 130, 3).tolist()
        cv2.rectangle(wall, (left - 1, top - 1), (right + 1, height), (170, 170, 170), -1)
        cv2.rectangle(wall, (left, top), (right, height), color, -1)


def _paint(
    rng: np.random.Generator, style: str, wall_color: Color, floors: int, bays: int
) -> Facade:
    bay_m = float(rng.uniform(2.4, 3.6))
    scale = 22.0 if floors <= 4 else 14.0
    width, height = round(bays * bay_m * scale), round((floors * _FLOOR_M + 0.6) * scale)
    wall = _masonry(rng, style, height, width, scale, wall_color)
    trim = jitter(rng, (214, 210, 204) if rng.random() < 0.6 else (90, 84, 78), 20)
    share_w, share_h = (0.86, 0.7) if style == 'glass' else rng.uniform((0.3, 0.42), (0.6, 0.6))
    bay, floor = width / bays, _FLOOR_M * scale
    lowest = 1 if style in ('shop', 'glass', 'office') else 0
    for level in range(lowest, floors):
        if style == 'shed' and level < floors - 1:
            continue
        bottom = height - level * floor - floor * (1 - share_h) * 0.45
        for index in range(bays):
            left = (index + 0.5 - share_w / 2) * bay
            box = left, bottom - share_h * floor, left + share_w * bay, bottom
            _window(rng, wall, tuple(round(v) for v in box), style, trim)  # type: ignore[arg-type]
        if style in ('stone', 'office', 'plaster') and level:
            row = round(height - level * floor)
            cv2.line(wall, (0, row), (width, row), trim, max(1, round(0.12 * scale)))
    if style == 'shutter' or rng.random() < 0.25:
        for level in range(1, floors):
            row = round(height - level * floor - 0.1 * floor)
            index = int(rng.integers(bays))
            left, right = round((index + 0.1) * bay), round((index + 0.9) * bay)
            cv2.rectangle(wall, (left, row - round(0.3 * floor)), (right, row), (50, 48, 46), 1)
            cv2.rectangle(wall, (left, row), (right, row + 2), (150, 150, 150), -1)
    _ground_floor(rng, wall, style, scale, bays)
    cv2.rectangle(wall, (0, 0), (width, round(0.35 * scale)), trim, -1)
    tagged = np.dstack([wall, np.full(wall.shape[:2], BUILDING, np.uint8)])
    return Facade(pyramid(tagged), bays * bay_m, floors * _FLOOR_M + 0.6, trim, False)


def paint_facades(rng: np.random.Generator, layout: Layout, count: int) -> list[Facade]:
    """Return the fronts of a district."""
    found = []
    for index in range(count):
        style = layout.styles[index % len(layout.styles)]
        low, high = layout.floors
        floors = int(rng.integers(low, high + 1))
        width_m = rng.uniform(*layout.building_width_m)
        wall = jitter(rng, layout.walls[int(rng.integers(len(layout.walls)))], 24)
        facade = _paint(rng, style, wall, floors, max(2, round(width_m / 3.0)))
        roof = jitter(rng, layout.roofs[int(rng.integers(len(layout.roofs)))], 15)
        pitched = bool(rng.random() < layout.roof_share and floors <= 4)
        found.append(Facade(facade.levels, facade.width_m, facade.height_m, roof, pitched))
    return found
