"""The ground of a street as flat pieces: road, lines, kerbs, sidewalks and verges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.street import PERIOD_M, SIDE_REACH_M, Junction, Street
from unet_seg_ros.scenes.tags import Material

#: From the lowest to the highest: what is drawn later covers what was drawn before.
ROAD_LAYER, PATCH_LAYER, LINE_LAYER, SIDEWALK_LAYER, TOP_LAYER = range(5)
NUM_LAYERS = 5


@dataclass(frozen=True)
class GroundLayer:
    """
    Quadrilaterals of one layer, by rising station.

    Attributes
    ----------
    points_m : ndarray
        float64 [n, 4, 3], corners in the world.
    material : ndarray
        int64 [n], numbers of `Material`.
    station_m : ndarray
        float64 [n], where along the road each piece lies.
    """

    points_m: FloatArray
    material: npt.NDArray[np.int64]
    station_m: FloatArray


class _Pieces:
    """Collects quadrilaterals in street coordinates (station, offset, height)."""

    def __init__(self) -> None:
        self._corners: list[list[FloatArray]] = [[] for _ in range(NUM_LAYERS)]
        self._materials: list[list[npt.NDArray[np.int64]]] = [[] for _ in range(NUM_LAYERS)]

    def add(self, layer: int, material: int, corners: FloatArray) -> None:
        """Add pieces [n, 4, 3] of (station, offset, height)."""
        self._corners[layer].append(corners)
        self._materials[layer].append(np.full(len(corners), int(material)))

    def ribbon(self, layer: int, material: int, first: FloatArray, second: FloatArray) -> None:
        """Add the pieces between two rails [n, 3]."""
        corners = np.stack([first[:-1], first[1:], second[1:], second[:-1]], axis=1)
        self.add(layer, material, corners)

    def rectangle(
        self, layer: int, material: int, s_m: tuple[float, float], d_m: tuple[float, float]
    ) -> None:
        """Add one flat rectangle at road height."""
        (s0, s1), (d0, d1) = s_m, d_m
        self.add(
            layer, material, np.array([[[s0, d0, 0.0], [s1, d0, 0], [s1, d1, 0], [s0, d1, 0]]])
        )

    def layers(self, street: Street) -> list[GroundLayer]:
        """Return the pieces in the world, with one more period before and after."""
        return [
            self._layer(street, np.concatenate(corners), np.concatenate(materials))
            for corners, materials in zip(self._corners, self._materials, strict=True)
        ]

    @staticmethod
    def _layer(
        street: Street, corners: FloatArray, material: npt.NDArray[np.int64]
    ) -> GroundLayer:
        line = street.centerline
        shifts = np.array([-PERIOD_M, 0.0, PERIOD_M])
        everything = np.concatenate([corners + [shift, 0.0, 0.0] for shift in shifts])
        station = everything[..., 0].mean(axis=1)
        near = (station > -line.margin_m) & (station < PERIOD_M + line.margin_m)
        order = np.argsort(station[near], kind='stable')
        chosen = everything[near][order]
        points = line.points(chosen[..., 0], chosen[..., 1], chosen[..., 2])
        return GroundLayer(points, np.tile(material, 3)[near][order], station[near][order])


def stations(street: Street, start_m: float, end_m: float) -> FloatArray:
    """Return stations that are dense where the road bends and sparse where it is straight."""
    found = [start_m]
    while found[-1] < end_m:
        ahead = float(np.abs(street.centerline.curvature(np.array(found[-1] + 1.0))))
        found.append(found[-1] + float(np.clip(0.09 / (ahead + 1e-6), 1.0, 7.0)))
    found[-1] = end_m
    return np.array(found)


def _rail(s_m: FloatArray, d_m: FloatArray | float, z_m: float) -> FloatArray:
    return np.stack([s_m, np.broadcast_to(d_m, s_m.shape), np.full(s_m.shape, z_m)], axis=-1)


def _line_offsets(street: Street) -> list[tuple[str, float]]:
    """Return style and offset of all lines along the road."""
    lines = [(street.centre, 0.0)]
    for lane in range(1, street.lanes):
        lines += [(street.lane_line, sign * lane * street.lane_width_m) for sign in (1, -1)]
    edge_m = street.lanes_half_m - (0.0 if street.parking_m else 0.25)
    lines += [(street.edge_line, sign * edge_m) for sign in (1, -1)]
    return [(style, offset) for style, offset in lines if style != 'none']


def _add_line(
    pieces: _Pieces, street: Street, style: str, d_m: float, span: tuple[float, float]
) -> None:
    material = Material.LINE_YELLOW if style.startswith('y-') else Material.LINE_WHITE
    half_m = street.line_width_m / 2
    style = style.removeprefix('y-')
    if style == 'dashed':
        pitch_m = street.dash_m + street.gap_m
        for start_m in np.arange(span[0], span[1] - street.dash_m, pitch_m):
            end_m = start_m + street.dash_m
            pieces.rectangle(
                LINE_LAYER, material, (start_m, end_m), (d_m - half_m, d_m + half_m)
            )
        return
    offsets = (d_m - 2 * half_m, d_m + 2 * half_m) if style == 'double' else (d_m,)
    s_m = stations(street, *span)
    for middle_m in offsets:
        first, second = _rail(s_m, middle_m - half_m, 0), _rail(s_m, middle_m + half_m, 0)
        pieces.ribbon(LINE_LAYER, material, first, second)


def _add_zebra(pieces: _Pieces, street: Street, s_m: float, rng: np.random.Generator) -> None:
    bar_m = float(rng.uniform(0.4, 0.6))
    for d_m in np.arange(-street.half_m + 0.4, street.half_m - 0.4, 2 * bar_m):
        pieces.rectangle(LINE_LAYER, Material.LINE_WHITE, (s_m, s_m + 3.0), (d_m, d_m + bar_m))


def _add_junction(
    pieces: _Pieces, street: Street, junction: Junction, rng: np.random.Generator
) -> None:
    half_m, radius_m, s_m = junction.half_width_m, street.corner_radius_m, junction.station_m
    for sign in junction.signs:
        edges = np.linspace(street.half_m - 0.1, SIDE_REACH_M, 6) * sign
        for near_m, far_m in zip(edges[:-1], edges[1:], strict=True):
            pieces.rectangle(
                ROAD_LAYER, Material.ROAD, (s_m - half_m, s_m + half_m), (near_m, far_m)
            )
        for along in (1, -1):
            corner = np.array([s_m + along * half_m, sign * street.half_m, 0.0])
            arc = _arc(corner, along, sign, radius_m)
            fan = np.stack([np.broadcast_to(corner, arc[1:].shape), arc[:-1], arc[1:], arc[1:]], 1)
            pieces.add(ROAD_LAYER, Material.ROAD, fan)
        start_m = street.half_m + radius_m + 1.0
        stop = sorted((sign * start_m, sign * (start_m + 0.4)))
        lane = sorted((s_m, s_m + sign * half_m))
        pieces.rectangle(
            LINE_LAYER, Material.LINE_WHITE, (lane[0], lane[1]), (stop[0], stop[1])
        )
        if street.centre != 'none':
            material = (
                Material.LINE_YELLOW if street.centre.startswith('y-') else Material.LINE_WHITE
            )
            width_m = street.line_width_m / 2
            for near_m in np.arange(start_m + 1, SIDE_REACH_M - 6, 6.0):
                pieces.rectangle(
                    LINE_LAYER,
                    material,
                    (s_m - width_m, s_m + width_m),
                    (sign * near_m, sign * (near_m + 3.0)),
                )
    reach_m = half_m + radius_m
    if junction.zebra:
        _add_zebra(pieces, street, s_m - reach_m - 3.4, rng)
        _add_zebra(pieces, street, s_m + reach_m + 0.4, rng)
    if junction.signals or junction.zebra:
        stop_m = s_m - reach_m - (4.6 if junction.zebra else 0.8)
        across = (-street.lanes_half_m + 0.3, -0.15)
        pieces.rectangle(LINE_LAYER, Material.LINE_WHITE, (stop_m, stop_m + 0.4), across)


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


def _block_rail(street: Street, block: Block, offset_m: float, z_m: float) -> FloatArray:
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


def _add_sidewalk(pieces: _Pieces, street: Street, block: Block) -> None:
    side = street.sides[block.sign]
    if side.sidewalk_m == 0.0:
        return
    top_m = street.kerb_height_m
    foot = _block_rail(street, block, 0.0, 0.0)
    edge = _block_rail(street, block, 0.02, top_m)
    stone = _block_rail(street, block, 0.22, top_m)
    pieces.ribbon(SIDEWALK_LAYER, Material.KERB_FACE, foot, edge)
    pieces.ribbon(SIDEWALK_LAYER, Material.KERB_TOP, edge, stone)
    inner = stone
    if side.verge_m:
        inner = _block_rail(street, block, side.verge_m, top_m)
        pieces.ribbon(SIDEWALK_LAYER, Material.GRASS, stone, inner)
    width_m = side.verge_m + side.sidewalk_m + (side.setback_m if side.paved else 0.0)
    outer = _block_rail(street, block, width_m, top_m)
    pieces.ribbon(SIDEWALK_LAYER, Material.SIDEWALK, inner, outer)


def _add_wear(pieces: _Pieces, street: Street, rng: np.random.Generator) -> None:
    """Scatter mended patches, cracks, manholes on the road and odd slabs on the sidewalks."""
    for _ in range(rng.integers(20, 90)):
        s_m, d_m = rng.uniform(0, PERIOD_M), rng.uniform(-0.9, 0.9) * street.half_m
        material = rng.choice([Material.PATCH_DARK, Material.PATCH_DARK, Material.PATCH_LIGHT])
        length_m, width_m = rng.uniform(0.5, 6.0), rng.uniform(0.4, 1.6)
        pieces.rectangle(PATCH_LAYER, material, (s_m, s_m + length_m), (d_m, d_m + width_m))
    for _ in range(rng.integers(20, 80)):
        steps = rng.normal(0.0, 0.12, 9).cumsum()
        along = np.linspace(0.0, rng.uniform(2.0, 12.0), 9) * rng.choice([0.2, 1.0])
        s_m = rng.uniform(0, PERIOD_M) + along
        d_m = rng.uniform(-0.9, 0.9) * street.half_m + steps
        pieces.ribbon(
            PATCH_LAYER, Material.PATCH_DARK, _rail(s_m, d_m, 0), _rail(s_m, d_m + 0.025, 0)
        )
    angle = np.linspace(0, 2 * np.pi, 13)
    for _ in range(rng.integers(8, 30)):
        centre = np.array([rng.uniform(0, PERIOD_M), rng.uniform(-0.8, 0.8) * street.half_m, 0.0])
        ring = centre + 0.33 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
        pieces.ribbon(PATCH_LAYER, Material.MANHOLE, ring, np.broadcast_to(centre, ring.shape))
    for sign, side in street.sides.items():
        if side.sidewalk_m < 1.0:
            continue
        near_m = street.half_m + side.verge_m + 0.3
        for _ in range(rng.integers(10, 60)):
            s_m, d_m = rng.uniform(0, PERIOD_M), near_m + rng.uniform(0, side.sidewalk_m - 0.9)
            corners = _rail(s_m + np.array([0, 0.9, 0.9, 0]), sign * d_m, street.kerb_height_m)
            corners[2:, 1] += sign * 0.6
            pieces.add(TOP_LAYER, Material.SIDEWALK_PATCH, corners[None])


def build_ground(street: Street, rng: np.random.Generator) -> list[GroundLayer]:
    """Return the ground's layers, from the lowest to the highest."""
    pieces = _Pieces()
    s_m = stations(street, 0.0, PERIOD_M)
    left, right = _rail(s_m, street.half_m, 0.0), _rail(s_m, -street.half_m, 0.0)
    pieces.ribbon(ROAD_LAYER, Material.ROAD, left, right)
    _add_wear(pieces, street, rng)
    for junction in street.junctions:
        _add_junction(pieces, street, junction, rng)
    for style, d_m in _line_offsets(street):
        for span in _free_spans(street):
            _add_line(pieces, street, style, d_m, span)
    for sign in (1, -1):
        for block in blocks(street, sign):
            _add_sidewalk(pieces, street, block)
    if not any(side.sidewalk_m >= 1.0 for side in street.sides.values()):
        flat = np.zeros((1, 4, 3))
        pieces.add(TOP_LAYER, Material.ROAD, flat)
        pieces.add(SIDEWALK_LAYER, Material.ROAD, flat)
    return pieces.layers(street)


def _free_spans(street: Street) -> list[tuple[float, float]]:
    """Return the stretches between junctions on which lines along the road are painted."""
    spans, start_m = [], 0.0
    for junction in street.junctions:
        reach_m = junction.half_width_m + street.corner_radius_m + 1.0
        reach_m += 4.0 if junction.zebra else 0.0
        spans.append((start_m, junction.station_m - reach_m))
        start_m = junction.station_m + reach_m
    return [*spans, (start_m, PERIOD_M)]
