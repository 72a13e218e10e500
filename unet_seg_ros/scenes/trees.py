"""Trees and bushes, painted leaf by leaf."""

from __future__ import annotations

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.district import Color
from unet_seg_ros.scenes.sprites import Sheet, Sprite
from unet_seg_ros.scenes.textures import smooth_noise, to_bytes

_CROWNS: dict[str, tuple[Color, float, float, str]] = {
    # name: colour, height in metres, width over height, shape
    'round': ((70, 104, 42), 8.0, 0.85, 'ball'),
    'plane': ((92, 116, 52), 9.5, 0.75, 'ball'),
    'olive': ((112, 124, 84), 5.0, 0.95, 'ball'),
    'autumn': ((110, 62, 40), 9.0, 0.9, 'ball'),
    'conifer': ((40, 74, 42), 11.0, 0.5, 'cone'),
    'poplar': ((84, 108, 34), 10.0, 0.26, 'column'),
    'cypress': ((44, 66, 40), 8.5, 0.2, 'column'),
    'palm': ((96, 112, 56), 9.0, 0.6, 'palm'),
    'bush': ((74, 100, 46), 1.5, 1.5, 'low'),
}


#: Tufts of leaves per spot, in each of two rounds.
_TUFTS = 12


def _leaves(
    sheet: Sheet, rng: np.random.Generator, rgb: Color, spots: list[tuple[float, float, float]]
) -> None:
    """Cover spots (x, y, radius) with tufts: dark below and inside, light above and outside."""
    order = np.concatenate([np.repeat(rng.permutation(len(spots)), _TUFTS) for _ in range(2)])
    outer = np.repeat([0.0, 1.0], len(order) // 2)
    x, y, radius = np.array(spots)[order].T
    away = rng.normal(0.0, 0.5, (2, len(order)))
    light = 0.5 + 0.38 * outer + 0.3 * away[1] + rng.normal(0.0, 0.13, len(order))
    # Not quite black: where there is any colour, there is a leaf.
    colors = np.clip(light[:, None] * np.array(rgb[::-1]), 3, 245).astype(int).tolist()
    column = np.rint(sheet.width / 2 + (x + away[0] * radius) * sheet.height).astype(int)
    row = np.rint((1 - y - away[1] * radius) * sheet.height).astype(int)
    size = radius * rng.uniform(0.1, 0.48 - 0.14 * outer) * sheet.height
    pixels = np.maximum(np.rint(size), 1).astype(int)
    places = zip(column.tolist(), row.tolist(), strict=True)
    for place, reach, color in zip(places, pixels.tolist(), colors, strict=True):
        cv2.circle(sheet.color, place, reach, color, -1)
    sheet.tag[sheet.color.any(axis=2)] = tags.VEGETATION


def _crown_spots(
    rng: np.random.Generator, shape: str, aspect: float
) -> list[tuple[float, float, float]]:
    if shape == 'low':
        x = rng.uniform(-0.36, 0.36, 24) * aspect
        return [(float(v), float(rng.uniform(0.1, 0.72)), 0.2) for v in x]
    if shape == 'cone':
        y = np.linspace(0.12, 0.95, 40)
        return [
            (float(rng.uniform(-0.42, 0.42) * aspect * (1.02 - v)), float(v), 0.1 * (1.15 - v))
            for v in y
        ]
    if shape == 'column':
        y = np.linspace(0.12, 0.93, 34)
        width = np.sin(np.clip(y * 1.05, 0, 1) * np.pi) ** 0.5
        return [
            (float(rng.uniform(-0.26, 0.26) * aspect * w), float(v), 0.22 * aspect)
            for v, w in zip(y, width, strict=True)
        ]
    found: list[tuple[float, float, float]] = []
    while len(found) < 46:
        x, y = rng.uniform(-1, 1, 2)
        if x * x + y * y < 1.0:
            found.append((float(0.38 * aspect * x), float(0.64 + 0.27 * y), 0.1))
    return found


def paint_tree(rng: np.random.Generator, kind: str) -> Sprite:
    """Return one tree or bush of a kind."""
    rgb, height_m, aspect, shape = _CROWNS[kind]
    shift = rng.normal(0.0, 9.0, 3)
    tint = np.clip(np.array(rgb) + shift, 5, 240).astype(int)
    color = (int(tint[0]), int(tint[1]), int(tint[2]))
    sheet = Sheet(96 if shape == 'low' else 320, aspect)
    bark = (84, 68, 54) if shape != 'palm' else (120, 104, 84)
    if shape != 'low':
        lean = float(rng.normal(0.0, 0.01))
        trunk = 0.016 if shape == 'palm' else 0.03
        top = 0.86 if shape == 'palm' else 0.6
        corners = [
            (-trunk, 0.0),
            (trunk, 0.0),
            (lean + trunk * 0.6, top),
            (lean - trunk * 0.6, top),
        ]
        sheet.polygon(tags.VEGETATION, bark, corners)
    if shape == 'palm':
        for angle in rng.uniform(-0.5, 3.64, 26):
            reach = rng.uniform(0.16, 0.27)
            middle = (0.6 * reach * np.cos(angle), 0.86 + 0.6 * reach * np.sin(angle) + 0.03)
            end = (reach * np.cos(angle), 0.86 + reach * np.sin(angle) - 0.07)
            tone = rng.uniform(0.55, 1.3)
            frond: Color = (int(color[0] * tone), int(color[1] * tone), int(color[2] * tone))
            for ends in (((0.0, 0.86), middle), (middle, end)):
                sheet.line(tags.VEGETATION, frond, ends, 0.016)
    else:
        bare = sheet.color.copy(), sheet.tag.copy()
        sheet.color[:] = 0
        sheet.tag[:] = 0
        _leaves(sheet, rng, color, _crown_spots(rng, shape, aspect))
        _fray(sheet, rng, bare)
    return sheet.finish(height_m)


def _fray(sheet: Sheet, rng: np.random.Generator, bare: tuple[ByteArray, ByteArray]) -> None:
    """Break up the crown's outline and colour into leaves; behind its gaps stands the trunk."""
    height, width = sheet.tag.shape
    inside = cv2.blur((sheet.tag > 0).astype(np.float32), (9, 9))
    ragged = inside + 0.22 * smooth_noise(rng, height, width, 3.5)
    kept = (ragged > 0.5) & (sheet.tag > 0)
    shade = 1.0 + 0.2 * smooth_noise(rng, height, width, 2.0)
    shade *= 1.0 + 0.12 * smooth_noise(rng, height, width, 22.0)
    leaves = to_bytes(sheet.color * shade[..., None])
    sheet.color[:] = np.where(kept[..., None], leaves, bare[0])
    sheet.tag[:] = np.where(kept, tags.VEGETATION, bare[1])
