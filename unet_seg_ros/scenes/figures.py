"""People, riders, traffic signs, traffic lights and street furniture."""

from __future__ import annotations

import numpy as np

from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.district import Color
from unet_seg_ros.scenes.sprites import Sheet, Sprite


def _cloth(rng: np.random.Generator) -> Color:
    red, green, blue = rng.integers(20, 215, 3).tolist()
    return red, green, blue


def paint_person(rng: np.random.Generator, phase: float) -> Sprite:
    """Return somebody who walks; the phase of the step is 0 to 1."""
    sheet = Sheet(128, 0.5)
    shirt, trousers, skin = _cloth(rng), _cloth(rng), (206, 160, 130)
    if rng.random() < 0.5:
        skin = (120, 84, 64)
    swing = 0.1 * float(np.sin(2 * np.pi * phase))
    for side in (1, -1):
        sheet.line(tags.PEDESTRIAN, trousers, ((0.02 * side, 0.5), (side * swing, 0.03)), 0.075)
        sheet.line(
            tags.PEDESTRIAN,
            (30, 28, 28),
            ((side * swing, 0.02), (side * swing + 0.04, 0.02)),
            0.03,
        )
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
    sheet = Sheet(128, 0.5)
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
    sheet.polygon(tags.RIDER, cloth, [(-0.12, 0.84), (0.12, 0.84), (0.09, 0.46), (-0.09, 0.46)])
    sheet.disc(tags.RIDER, _cloth(rng), (0.0, 0.93), (0.06, 0.07))
    return sheet.finish(1.75)


def paint_sign(rng: np.random.Generator, kind: str) -> Sprite:
    """Return a traffic sign on its post: ``round``, ``triangle``, ``octagon`` or ``board``."""
    sheet = Sheet(160, 0.36)
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
    sheet = Sheet(224, 0.2)
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
    sheet = Sheet(96, 1.8 if kind == 'bench' else 0.8)
    if kind == 'bin':
        body = ((52, 70, 56), (70, 72, 76), (40, 60, 96))[int(rng.integers(3))]
        sheet.polygon(tags.STATIC, body, [(-0.26, 0), (0.26, 0), (0.32, 0.84), (-0.32, 0.84)])
        sheet.polygon(
            tags.STATIC, (34, 36, 38), [(-0.36, 0.84), (0.36, 0.84), (0.3, 0.97), (-0.3, 0.97)]
        )
        return sheet.finish(1.05)
    if kind == 'bench':
        for y in (0.45, 0.7, 0.88):
            sheet.line(tags.STATIC, (124, 88, 54), ((-0.8, y), (0.8, y)), 0.12)
        for x in (-0.7, 0.7):
            sheet.line(tags.STATIC, (52, 52, 54), ((x, 0.0), (x, 0.9)), 0.07)
        return sheet.finish(0.9)
    if kind == 'hydrant':
        sheet.polygon(
            tags.STATIC, (176, 36, 30), [(-0.18, 0), (0.18, 0), (0.15, 0.8), (-0.15, 0.8)]
        )
        sheet.disc(tags.STATIC, (176, 36, 30), (0.0, 0.8), (0.2, 0.16))
        sheet.line(tags.STATIC, (150, 30, 26), ((-0.3, 0.55), (0.3, 0.55)), 0.14)
        return sheet.finish(0.75)
    if kind == 'cone':
        sheet.polygon(
            tags.DYNAMIC, (232, 96, 30), [(-0.3, 0), (0.3, 0), (0.05, 0.98), (-0.05, 0.98)]
        )
        sheet.polygon(
            tags.DYNAMIC, (240, 240, 240), [(-0.2, 0.34), (0.2, 0.34), (0.13, 0.6), (-0.13, 0.6)]
        )
        return sheet.finish(0.75)
    if kind == 'pole':
        sheet.line(tags.POLE, (60, 62, 64), ((0.0, 0.0), (0.0, 1.0)), 0.12)
        return sheet.finish(1.0)
    sheet.polygon(
        tags.STATIC, (126, 132, 122), [(-0.36, 0), (0.36, 0), (0.36, 0.97), (-0.36, 0.97)]
    )
    sheet.line(tags.STATIC, (88, 92, 86), ((0.0, 0.05), (0.0, 0.9)), 0.03)
    return sheet.finish(1.3)
