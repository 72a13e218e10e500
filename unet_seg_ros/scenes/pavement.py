"""The ground of a street: road, junctions, kerbs, sidewalks and verges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.markings import (
    add_line,
    add_wear,
    add_zebra,
    free_spans,
    line_offsets,
)
from unet_seg_ros.scenes.pieces import (
    LINE_LAYER,
    ROAD_LAYER,
    SIDEWALK_LAYER,
    TOP_LAYER,
    GroundLayer,
    Pieces,
    rail,
    stations,
)
from unet_seg_ros.scenes.street import PERIOD_M, SIDE_REACH_M, Junction, Street
from unet_seg_ros.scenes.tags import Material


def _add_junction(
    pieces: Pieces, street: Street, junction: Junction, rng: np.random.Generator
) -> None:
    reach_m, s_m = junction.half_width_m + street.corner_radius_m, junction.station_m
    for sign in junction.signs:
        _add_side_street(pieces, street, junction, sign)
    if junction.zebra:
        add_zebra(pieces, street, s_m - reach_m - 3.4, rng)
        add_zebra(pieces, street, s_m + reach_m + 0.4, rng)
    if junction.signals or junction.zebra:
        stop_m = s_m - reach_m - (4.6 if junction.zebra else 0.8)
        across = (-street.lanes_half_m + 0.3, -0.15)
        pieces.rectangle(LINE_LAYER, Material.LINE_WHITE, (stop_m, stop_m + 0.4), across)


def _add_side_street(pieces: Pieces, street: Street, junction: Junction, sign: int) -> None:
    """Add the road to one side, its rounded corners, its stop line and its centre line."""
    half_m, radius_m, s_m = junction.half_width_m, street.corner_radius_m, junction.station_m
    width = (s_m - half_m, s_m + half_m)
    edges = np.linspace(street.half_m - 0.1, SIDE_REACH_M, 6) * sign
    for near_m, far_m in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        pieces.rectangle(ROAD_LAYER, Material.ROAD, width, (near_m, far_m))
    for along in (1, -1):
        corner = np.array([s_m + along * half_m, sign * street.half_m, 0.0])
        arc = _arc(corner, along, sign, radius_m)
        fan = np.stack([np.broadcast_to(corner, arc[1:].shape), arc[:-1], arc[1:], arc[1:]], 1)
        pieces.add(ROAD_LAYER, Material.ROAD, fan)
    start_m = street.half_m + radius_m + 1.0
    lane = (s_m, s_m + half_m) if sign > 0 else (s_m - half_m, s_m)
    stop = (sign * start_m, sign * (start_m + 0.4))
    pieces.rectangle(LINE_LAYER, Material.LINE_WHITE, lane, stop)
    if street.centre == 'none':
        return
    yellow = street.centre.startswith('y-')
    material = Material.LINE_YELLOW if yellow else Material.LINE_WHITE
    middle = (s_m - street.line_width_m / 2, s_m + street.line_width_m / 2)
    for near_m in np.arange(start_m + 1, SIDE_REACH_M - 6, 6.0).tolist():
        pieces.rectangle(LINE_LAYER, material, middle, (sign * near_m, sign * (near_m + 3.0)))


def _arc(corner: FloatArray, along: int, sign: int, radius_m: float) -> FloatArray:
    """Return the rounded kerb [n, 3] at a corner, from the side street to the main road."""
    angle = np.linspace(0.0, np.pi / 2, 7)
    s_m = corner[0] + along * radius_m * (1 - np.cos(angle))
    d_m = corner[1] + sign * radius_m * (1 - np.sin(angle))
    return np.stack([s_m, d_m, np.zeros_like(s_m)], axis=-1)


@dataclass(frozen=True)
class Block:
    """
    The frontage between two side streets, on one side.

    Attributes
    ----------
    sign : int
        1 for the left side, -1 for the right.
    start_m, end_m : float
        The edges of the side streets that bound it.
    """

    sign: int
    start_m: float
    end_m: float


def blocks(street: Street, sign: int) -> list[Block]:
    """Return one side's blocks over one period; the last one reaches into the next period."""
    openings = [j for j in street.junctions if sign in j.signs]
    if not openings:
        return [Block(sign, 0.0, PERIOD_M)]
    first = openings[0]
    following = [*openings[1:], None]
    found = []
    for junction, after in zip(openings, following, strict=True):
        end = (
            after.station_m - after.half_width_m
            if after
            else first.station_m + PERIOD_M - first.half_width_m
        )
        found.append(Block(sign, junction.station_m + junction.half_width_m, end))
    return found


def _blockrail(street: Street, block: Block, offset_m: float, z_m: float) -> FloatArray:
    """Return the kerb line [n, 3] around a block's three sides, moved inwards by an offset."""
    radius_m, half_m = street.corner_radius_m, street.half_m
    middle = stations(street, block.start_m + radius_m, block.end_m - radius_m)
    angle = np.linspace(0.0, np.pi / 2, 7)
    if offset_m <= radius_m:
        inner_m = radius_m - offset_m
        along = radius_m - inner_m * np.cos(angle)
        across = half_m + radius_m - inner_m * np.sin(angle)
    else:
        along = np.full_like(angle, offset_m)
        across = np.full_like(angle, half_m + offset_m)
    far = np.linspace(SIDE_REACH_M, max(half_m + radius_m, float(across[0])) + 0.1, 5)
    s_m = np.concatenate(
        [
            np.full_like(far, block.start_m + offset_m),
            block.start_m + along,
            middle[1:-1],
            block.end_m - along[::-1],
            np.full_like(far, block.end_m - offset_m),
        ]
    )
    middle_d = np.full(len(middle) - 2, half_m + offset_m)
    d_m = np.concatenate([far, across, middle_d, across[::-1], far[::-1]])
    return np.stack([s_m, block.sign * d_m, np.full_like(s_m, z_m)], axis=-1)


def _add_sidewalk(pieces: Pieces, street: Street, block: Block) -> None:
    side = street.sides[block.sign]
    if side.sidewalk_m == 0.0:
        return
    top_m = street.kerb_height_m
    foot = _blockrail(street, block, 0.0, 0.0)
    edge = _blockrail(street, block, 0.02, top_m)
    stone = _blockrail(street, block, 0.22, top_m)
    pieces.ribbon(SIDEWALK_LAYER, Material.KERB_FACE, foot, edge)
    pieces.ribbon(SIDEWALK_LAYER, Material.KERB_TOP, edge, stone)
    inner = stone
    if side.verge_m:
        inner = _blockrail(street, block, side.verge_m, top_m)
        pieces.ribbon(SIDEWALK_LAYER, Material.GRASS, stone, inner)
    width_m = side.verge_m + side.sidewalk_m + (side.setback_m if side.paved else 0.0)
    outer = _blockrail(street, block, width_m, top_m)
    pieces.ribbon(SIDEWALK_LAYER, Material.SIDEWALK, inner, outer)


def build_ground(street: Street, rng: np.random.Generator) -> list[GroundLayer]:
    """Return the ground's layers, from the lowest to the highest."""
    pieces = Pieces()
    s_m = stations(street, 0.0, PERIOD_M)
    left, right = rail(s_m, street.half_m, 0.0), rail(s_m, -street.half_m, 0.0)
    pieces.ribbon(ROAD_LAYER, Material.ROAD, left, right)
    add_wear(pieces, street, rng)
    for junction in street.junctions:
        _add_junction(pieces, street, junction, rng)
    for style, d_m in line_offsets(street):
        for span in free_spans(street):
            add_line(pieces, street, style, d_m, span)
    for sign in (1, -1):
        for block in blocks(street, sign):
            _add_sidewalk(pieces, street, block)
    if not any(side.sidewalk_m >= 1.0 for side in street.sides.values()):
        flat = np.zeros((1, 4, 3))
        pieces.add(TOP_LAYER, Material.ROAD, flat)
        pieces.add(SIDEWALK_LAYER, Material.ROAD, flat)
    return pieces.layers(street)
