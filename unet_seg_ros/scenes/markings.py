"""What is painted on the road, and what wear leaves there."""

from __future__ import annotations

import numpy as np

from unet_seg_ros.scenes.pieces import LINE_LAYER, PATCH_LAYER, TOP_LAYER, Pieces, rail, stations
from unet_seg_ros.scenes.street import PERIOD_M, Street
from unet_seg_ros.scenes.tags import Material


def line_offsets(street: Street) -> list[tuple[str, float]]:
    """Return style and offset of all lines along the road."""
    lines = [(street.centre, 0.0)]
    for lane in range(1, street.lanes):
        lines += [(street.lane_line, sign * lane * street.lane_width_m) for sign in (1, -1)]
    edge_m = street.lanes_half_m - (0.0 if street.parking_m else 0.25)
    lines += [(street.edge_line, sign * edge_m) for sign in (1, -1)]
    return [(style, offset) for style, offset in lines if style != 'none']


def add_line(
    pieces: Pieces, street: Street, style: str, d_m: float, span: tuple[float, float]
) -> None:
    """Paint one line along the road, of a style as `Layout` names them."""
    material = Material.LINE_YELLOW if style.startswith('y-') else Material.LINE_WHITE
    half_m = street.line_width_m / 2
    style = style.removeprefix('y-')
    if style == 'dashed':
        pitch_m = street.dash_m + street.gap_m
        for start_m in np.arange(span[0], span[1] - street.dash_m, pitch_m).tolist():
            end_m = start_m + street.dash_m
            pieces.rectangle(LINE_LAYER, material, (start_m, end_m), (d_m - half_m, d_m + half_m))
        return
    offsets = (d_m - 2 * half_m, d_m + 2 * half_m) if style == 'double' else (d_m,)
    s_m = stations(street, *span)
    for middle_m in offsets:
        left, right = rail(s_m, middle_m + half_m, 0), rail(s_m, middle_m - half_m, 0)
        pieces.ribbon(LINE_LAYER, material, left, right)


def add_zebra(pieces: Pieces, street: Street, s_m: float, rng: np.random.Generator) -> None:
    """Paint the stripes on which people cross the road."""
    bar_m = float(rng.uniform(0.4, 0.6))
    for d_m in np.arange(-street.half_m + 0.4, street.half_m - 0.4, 2 * bar_m).tolist():
        pieces.rectangle(LINE_LAYER, Material.LINE_WHITE, (s_m, s_m + 3.0), (d_m, d_m + bar_m))


def free_spans(street: Street) -> list[tuple[float, float]]:
    """Return the stretches between junctions on which lines along the road are painted."""
    spans, start_m = [], 0.0
    for junction in street.junctions:
        reach_m = junction.half_width_m + street.corner_radius_m + 1.0
        reach_m += 4.0 if junction.zebra else 0.0
        spans.append((start_m, junction.station_m - reach_m))
        start_m = junction.station_m + reach_m
    return [*spans, (start_m, PERIOD_M)]


def add_wear(pieces: Pieces, street: Street, rng: np.random.Generator) -> None:
    """Scatter mended patches, cracks, manholes on the road and odd slabs on the sidewalks."""
    _add_patches(pieces, street, rng)
    _add_cracks(pieces, street, rng)
    _add_manholes(pieces, street, rng)
    for sign in (1, -1):
        _add_odd_slabs(pieces, street, sign, rng)


def _add_patches(pieces: Pieces, street: Street, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(20, 90)):
        material = rng.choice([Material.PATCH_DARK, Material.PATCH_DARK, Material.PATCH_LIGHT])
        length_m, width_m = rng.uniform(0.5, 6.0), rng.uniform(0.4, 1.6)
        s_m = rng.uniform(0, PERIOD_M)
        d_m = rng.uniform(-street.half_m + 0.1, street.half_m - width_m - 0.1)
        pieces.rectangle(PATCH_LAYER, material, (s_m, s_m + length_m), (d_m, d_m + width_m))


def _add_cracks(pieces: Pieces, street: Street, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(20, 80)):
        along = np.linspace(0.0, rng.uniform(2.0, 12.0), 9) * rng.choice([0.2, 1.0])
        s_m = rng.uniform(0, PERIOD_M) + along
        wander = rng.uniform(-0.9, 0.9) * street.half_m + rng.normal(0.0, 0.12, 9).cumsum()
        d_m = np.clip(wander, -street.half_m + 0.1, street.half_m - 0.1)
        left, right = rail(s_m, d_m + 0.025, 0), rail(s_m, d_m, 0)
        pieces.ribbon(PATCH_LAYER, Material.PATCH_DARK, left, right)


def _add_manholes(pieces: Pieces, street: Street, rng: np.random.Generator) -> None:
    angle = np.linspace(0, 2 * np.pi, 13)
    disc = 0.33 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    for _ in range(rng.integers(8, 30)):
        centre = np.array([rng.uniform(0, PERIOD_M), rng.uniform(-0.8, 0.8) * street.half_m, 0.0])
        hub = np.broadcast_to(centre, disc.shape)
        pieces.ribbon(PATCH_LAYER, Material.MANHOLE, centre + disc, hub)


def _add_odd_slabs(pieces: Pieces, street: Street, sign: int, rng: np.random.Generator) -> None:
    side = street.sides[sign]
    if side.sidewalk_m < 1.0:
        return
    spans = [(start, end - 0.9) for start, end in free_spans(street) if end - start > 2.0]
    near_m = street.half_m + side.verge_m + 0.3
    for _ in range(rng.integers(10, 60)):
        s_m = rng.uniform(*spans[int(rng.integers(len(spans)))])
        d_m = near_m + rng.uniform(0, side.sidewalk_m - 0.9)
        corners = rail(s_m + np.array([0, 0.9, 0.9, 0]), sign * d_m, street.kerb_height_m)
        corners[2:, 1] += sign * 0.6
        pieces.add(TOP_LAYER, Material.SIDEWALK_PATCH, corners[None])
