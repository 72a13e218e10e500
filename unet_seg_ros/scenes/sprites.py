"""Flat pictures that always face the camera: trees, people, signs and street furniture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.layouts import Color
from unet_seg_ros.scenes.textures import pyramid, smooth_noise, to_bytes


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


class _Sheet:
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
        size = (max(1, round(axes[0] * self.height)), max(1, round(axes[1] * self.height)))
        where = self._at(*centre)
        cv2.ellipse(self.color, where, size, 0, 0, 360, rgb[::-1], -1)
        cv2.ellipse(self.tag, where, size, 0, 0, 360, tag, -1)

    def polygon(self, tag: int, rgb: Color, corners: list[tuple[float, float]]) -> None:
        points = np.array([self._at(*corner) for corner in corners], np.int32)
        cv2.fillPoly(self.color, [points], rgb[::-1])
        cv2.fillPoly(self.tag, [points], tag)

    def line(
        self, tag: int, rgb: Color, ends: tuple[tuple[float, float], tuple[float, float]], w: float
    ) -> None:
        thickness = max(1, round(w * self.height))
        first, second = self._at(*ends[0]), self._at(*ends[1])
        cv2.line(self.color, first, second, rgb[::-1], thickness)
        cv2.line(self.tag, first, second, tag, thickness)

    def finish(self, height_m: float) -> Sprite:
        """Return the sprite, with its colours continued beyond the outline."""
        spread = self.color
        inside = (self.tag > 0).astype(np.uint8)
        for _ in range(3):
            grown = cv2.dilate(spread, np.ones((3, 3), np.uint8))
            spread = np.where(inside[..., None] > 0, spread, grown)
            inside = cv2.dilate(inside, np.ones((3, 3), np.uint8))
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


def _leaves(
    sheet: _Sheet, rng: np.random.Generator, rgb: Color, spots: list[tuple[float, float, float]]
) -> None:
    """Cover spots (x, y, radius) with tufts: dark below and inside, light above and outside."""
    order = rng.permutation(len(spots))
    for round_ in range(2):
        for index in order:
            x, y, radius = spots[index]
            for _ in range(12):
                dx, dy = rng.normal(0.0, 0.5, 2) * radius
                light = 0.5 + 0.38 * round_ + 0.3 * dy / radius + rng.normal(0.0, 0.13)
                tone = np.clip(np.array(rgb) * light, 3, 245).astype(int)
                tuft = radius * rng.uniform(0.1, 0.36 if round_ else 0.5)
                color = (int(tone[0]), int(tone[1]), int(tone[2]))
                sheet.disc(tags.VEGETATION, color, (x + dx, y + dy), (tuft, tuft * 0.8))


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
            (float(rng.uniform(-0.3, 0.3) * aspect * w), float(v), 0.07)
            for v, w in zip(y, width, strict=True)
        ]
    found = []
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
    sheet = _Sheet(96 if shape == 'low' else 320, aspect)
    bark = (84, 68, 54) if shape != 'palm' else (120, 104, 84)
    if shape != 'low':
        lean = float(rng.normal(0.0, 0.01))
        trunk = 0.016 if shape == 'palm' else 0.03
        top = 0.86 if shape == 'palm' else 0.6
        corners = [(-trunk, 0.0), (trunk, 0.0), (lean + trunk * 0.6, top), (lean - trunk * 0.6, top)]
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
        sheet.tag[:] = 0
        _leaves(sheet, rng, color, _crown_spots(rng, shape, aspect))
        _fray(sheet, rng, bare)
    return sheet.finish(height_m)


def _fray(sheet: _Sheet, rng: np.random.Generator, bare: tuple[ByteArray, ByteArray]) -> None:
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


def _cloth(rng: np.random.Generator) -> Color:
    red, green, blue = rng.integers(20, 215, 3).tolist()
    return red, green, blue


def paint_person(rng: np.random.Generator, phase: float) -> Sprite:
    """Return somebody who walks; the phase of the step is 0 to 1."""
    sheet = _Sheet(128, 0.5)
    shirt, trousers, skin = _cloth(rng), _cloth(rng), (206, 160, 130)
    if rng.random() < 0.5:
        skin = (120, 84, 64)
    swing = 0.1 * float(np.sin(2 * np.pi * phase))
    for side in (1, -1):
        sheet.line(tags.PEDESTRIAN, trousers, ((0.02 * side, 0.5), (side * swing, 0.03)), 0.075)
        sheet.line(tags.PEDESTRIAN, (30, 28, 28), ((side * swing, 0.02), (side * swing + 0.04, 0.02)), 0.03)
        hand = (-side * swing * 0.9 + 0.09 * side, 0.45)
        sheet.line(tags.PEDESTRIAN, shirt, ((0.08 * side, 0.78), hand), 0.045)
    sheet.polygon(
        tags.PEDESTRIAN, shirt, [(-0.11, 0.82), (0.11, 0.82), (0.085, 0.46), (-0.085, 0.46)]
    )
    sheet.disc(tags.PEDESTRIAN, skin, (0.0, 0.91), (0.05, 0.07))
    sheet.disc(tags.PEDESTRIAN, (50, 38, 30), (0.0, 0.95), (0.053, 0.04))
    return sheet.finish(1.78)


def paint_cyclist(rng: np.random.Generator, motor: bool) -> Sprite:
    """Return a rider on a bicycle or a motorcycle, seen from behind."""
    sheet = _Sheet(128, 0.5)
    machine = tags.MOTORCYCLE if motor else tags.BICYCLE
    width = 0.05 if motor else 0.02
    sheet.line(machine, (24, 24, 24), ((0.0, 0.03), (0.0, 0.38)), 2 * width)
    sheet.line(machine, (70, 70, 74), ((-0.16, 0.6), (0.16, 0.6)), 0.025)
    if motor:
        sheet.polygon(machine, _cloth(rng), [(-0.1, 0.25), (0.1, 0.25), (0.08, 0.5), (-0.08, 0.5)])
        sheet.disc(machine, (200, 30, 30), (0.0, 0.4), (0.03, 0.02))
    cloth = _cloth(rng)
    for side in (1, -1):
        sheet.line(tags.RIDER, (40, 42, 56), ((0.05 * side, 0.5), (0.09 * side, 0.22)), 0.07)
        sheet.line(tags.RIDER, cloth, ((0.09 * side, 0.8), (0.16 * side, 0.61)), 0.05)
    sheet.polygon(
        tags.RIDER, cloth, [(-0.12, 0.84), (0.12, 0.84), (0.09, 0.46), (-0.09, 0.46)]
    )
    sheet.disc(tags.RIDER, _cloth(rng), (0.0, 0.93), (0.06, 0.07))
    return sheet.finish(1.75)


def paint_sign(rng: np.random.Generator, kind: str) -> Sprite:
    """Return a traffic sign on its post: ``round``, ``triangle``, ``octagon`` or ``board``."""
    sheet = _Sheet(160, 0.36)
    sheet.line(tags.POLE, (126, 128, 130), ((0.0, 0.0), (0.0, 0.9)), 0.022)
    centre = (0.0, 0.84)
    if kind == 'triangle':
        sheet.polygon(tags.TRAFFIC_SIGN, (190, 26, 30), [(-0.15, 0.72), (0.15, 0.72), (0.0, 0.98)])
        sheet.polygon(tags.TRAFFIC_SIGN, (236, 236, 230), [(-0.09, 0.75), (0.09, 0.75), (0, 0.91)])
    elif kind == 'board':
        face = ((30, 80, 150), (24, 110, 60), (225, 205, 60))[int(rng.integers(3))]
        sheet.polygon(
            tags.TRAFFIC_SIGN, face, [(-0.16, 0.7), (0.16, 0.7), (0.16, 0.98), (-0.16, 0.98)]
        )
        sheet.line(tags.TRAFFIC_SIGN, (240, 240, 240), ((-0.1, 0.84), (0.1, 0.84)), 0.03)
    else:
        rim = 0.14
        sheet.disc(tags.TRAFFIC_SIGN, (190, 24, 30), centre, (rim, rim))
        if kind == 'round':
            sheet.disc(tags.TRAFFIC_SIGN, (240, 240, 236), centre, (0.1, 0.1))
            for x in (-0.035, 0.035):
                sheet.disc(tags.TRAFFIC_SIGN, (30, 30, 34), (x, 0.84), (0.022, 0.05))
        else:
            sheet.line(tags.TRAFFIC_SIGN, (240, 240, 236), ((-0.09, 0.84), (0.09, 0.84)), 0.05)
    return sheet.finish(2.7)


def paint_signal(state: int) -> Sprite:
    """Return a traffic light on its post; the state is 0 green, 1 amber, 2 red."""
    sheet = _Sheet(224, 0.2)
    sheet.line(tags.POLE, (84, 86, 88), ((0.0, 0.0), (0.0, 0.8)), 0.03)
    box = [(-0.055, 0.7), (0.055, 0.7), (0.055, 0.99), (-0.055, 0.99)]
    sheet.polygon(tags.TRAFFIC_LIGHT, (26, 28, 26), box)
    lamps: tuple[Color, ...] = ((40, 250, 120), (255, 190, 40), (255, 40, 36))
    for index, lamp in enumerate(lamps):
        on = index == state
        color: Color = lamp if on else (lamp[0] // 6 + 14, lamp[1] // 6 + 10, lamp[2] // 6 + 8)
        sheet.disc(tags.TRAFFIC_LIGHT, color, (0.0, 0.755 + 0.09 * index), (0.034, 0.036))
    return sheet.finish(3.6)


def paint_furniture(rng: np.random.Generator, kind: str) -> Sprite:
    """Return a ``bin``, ``bench``, ``hydrant``, ``box``, ``cone`` or ``pole``."""
    sheet = _Sheet(96, 1.8 if kind == 'bench' else 0.8)
    if kind == 'bin':
        body = ((52, 70, 56), (70, 72, 76), (40, 60, 96))[int(rng.integers(3))]
        sheet.polygon(tags.STATIC, body, [(-0.26, 0), (0.26, 0), (0.32, 0.84), (-0.32, 0.84)])
        sheet.polygon(tags.STATIC, (34, 36, 38), [(-0.36, 0.84), (0.36, 0.84), (0.3, 0.97), (-0.3, 0.97)])
        return sheet.finish(1.05)
    if kind == 'bench':
        for y in (0.45, 0.7, 0.88):
            sheet.line(tags.STATIC, (124, 88, 54), ((-0.8, y), (0.8, y)), 0.12)
        for x in (-0.7, 0.7):
            sheet.line(tags.STATIC, (52, 52, 54), ((x, 0.0), (x, 0.9)), 0.07)
        return sheet.finish(0.9)
    if kind == 'hydrant':
        sheet.polygon(tags.STATIC, (176, 36, 30), [(-0.18, 0), (0.18, 0), (0.15, 0.8), (-0.15, 0.8)])
        sheet.disc(tags.STATIC, (176, 36, 30), (0.0, 0.8), (0.2, 0.16))
        sheet.line(tags.STATIC, (150, 30, 26), ((-0.3, 0.55), (0.3, 0.55)), 0.14)
        return sheet.finish(0.75)
    if kind == 'cone':
        sheet.polygon(tags.DYNAMIC, (232, 96, 30), [(-0.3, 0), (0.3, 0), (0.05, 0.98), (-0.05, 0.98)])
        sheet.polygon(tags.DYNAMIC, (240, 240, 240), [(-0.2, 0.34), (0.2, 0.34), (0.13, 0.6), (-0.13, 0.6)])
        return sheet.finish(0.75)
    if kind == 'pole':
        sheet.line(tags.POLE, (60, 62, 64), ((0.0, 0.0), (0.0, 1.0)), 0.12)
        return sheet.finish(1.0)
    sheet.polygon(tags.STATIC, (126, 132, 122), [(-0.36, 0), (0.36, 0), (0.36, 0.97), (-0.36, 0.97)])
    sheet.line(tags.STATIC, (88, 92, 86), ((0.0, 0.05), (0.0, 0.9)), 0.03)
    return sheet.finish(1.3)
