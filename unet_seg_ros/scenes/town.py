"""A town: one street of a district with everything that belongs to it, kept for reuse."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.scenes import figures
from unet_seg_ros.scenes.district import Layout
from unet_seg_ros.scenes.facades import Facade, paint_facades
from unet_seg_ros.scenes.frontage import VARIANTS, Frontage
from unet_seg_ros.scenes.layouts import layout_named
from unet_seg_ros.scenes.pavement import build_ground
from unet_seg_ros.scenes.pieces import GroundLayer
from unet_seg_ros.scenes.placement import build_frontage
from unet_seg_ros.scenes.sprites import Sprite
from unet_seg_ros.scenes.street import Street, draw_street
from unet_seg_ros.scenes.surface import GrainBand, paint_grain
from unet_seg_ros.scenes.trees import paint_tree

#: Pictures of people for one pedestrian: phases of a step.
STEP_PHASES = 6
_NUM_FACADES = 10


def generator(*key: str | int) -> np.random.Generator:
    """
    Return a random generator that depends on the key alone, on any machine.

    Raises
    ------
    ConfigurationError
        If a number of the key is negative.

    """
    negative = [k for k in key if isinstance(k, int) and k < 0]
    if negative:
        raise ConfigurationError(f'seed {negative[0]}: give 0 or more')
    numbers = [zlib.crc32(k.encode()) if isinstance(k, str) else k for k in key]
    return np.random.default_rng(numbers)


@dataclass(frozen=True)
class Town:
    """
    A street and its surroundings.

    Attributes
    ----------
    layout : Layout
        The district.
    street : Street
        The course of the road and its cross-section.
    ground : list of GroundLayer
        From the lowest to the highest.
    frontage : Frontage
        What stands beside the road.
    facades : list of Facade
        The fronts, by number.
    pictures : dict
        Sprites by kind and variant.
    grain : list of GrainBand
        Ground textures, from near to far.
    """

    layout: Layout
    street: Street
    ground: list[GroundLayer]
    frontage: Frontage
    facades: list[Facade]
    pictures: dict[tuple[str, int], Sprite]
    grain: list[GrainBand]


@lru_cache(maxsize=8)
def _facades(name: str) -> list[Facade]:
    return paint_facades(generator('facades', name), layout_named(name), _NUM_FACADES)


@lru_cache(maxsize=8)
def _pictures(name: str) -> dict[tuple[str, int], Sprite]:
    layout = layout_named(name)
    rng = generator('pictures', name)
    found: dict[tuple[str, int], Sprite] = {}
    for variant in range(VARIANTS):
        for kind in dict.fromkeys((*layout.trees, 'bush')):
            found[kind, variant] = paint_tree(rng, kind)
        for kind in ('bin', 'bench', 'hydrant', 'box', 'cone', 'pole'):
            found[kind, variant] = figures.paint_furniture(rng, kind)
        for kind in ('round', 'triangle', 'octagon', 'board'):
            found[f'sign_{kind}', variant] = figures.paint_sign(rng, kind)
        found['signal_green', variant] = figures.paint_signal(0)
        found['signal_red', variant] = figures.paint_signal(2)
        found['bicycle', variant] = figures.paint_cyclist(rng, motor=False)
        found['motorcycle', variant] = figures.paint_cyclist(rng, motor=True)
        look = int(rng.integers(2**31))
        for phase in range(STEP_PHASES):
            same = np.random.default_rng(look)
            found[f'person{phase}', variant] = figures.paint_person(same, phase / STEP_PHASES)
    return found


@lru_cache(maxsize=32)
def town(name: str, variant: int) -> Town:
    """
    Return a town of a layout; the same numbers give the same town.

    Raises
    ------
    ConfigurationError
        If there is no layout of that name.

    """
    layout = layout_named(name)
    rng = generator('town', name, variant)
    street = draw_street(rng, layout)
    facades = _facades(name)
    sizes = [(facade.width_m, facade.height_m) for facade in facades]
    return Town(
        layout=layout,
        street=street,
        ground=build_ground(street, rng),
        frontage=build_frontage(street, layout, sizes, rng),
        facades=facades,
        pictures=_pictures(name),
        grain=paint_grain(rng, street),
    )
