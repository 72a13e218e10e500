"""Deciding by lot where houses, trees, walls, lamps, cars and people stand along a street."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.district import Color, Layout
from unet_seg_ros.scenes.frontage import (
    BARRIER_KINDS,
    VARIANTS,
    Frontage,
    Plan,
    Vehicle,
    Walker,
    assemble,
)
from unet_seg_ros.scenes.pavement import Block, blocks
from unet_seg_ros.scenes.street import PERIOD_M, SIDE_REACH_M, Street, draw
from unet_seg_ros.scenes.vehicles import KIND_SHARES

_DRIVEWAY_GAP_M = 3.0
_LAMP_COLORS: tuple[Color, ...] = ((96, 98, 100), (54, 60, 58), (150, 152, 154))


class _Builder:
    def __init__(
        self,
        street: Street,
        layout: Layout,
        sizes: list[tuple[float, float]],
        rng: np.random.Generator,
    ) -> None:
        self.street = street
        self.layout = layout
        self.sizes = sizes
        self.rng = rng
        self.plan = Plan(
            lamp_height_m=float(rng.uniform(5.0, 9.0)),
            lamp_color=_LAMP_COLORS[int(rng.integers(len(_LAMP_COLORS)))],
        )
        _, line = street.centerline.table()
        self._line = line[::4]

    def _on_road(self, corners: FloatArray, margin_m: float) -> bool:
        """Tell whether a footprint comes too near to the centre line."""
        near = self._line[np.abs(self._line - corners[0, :2]).max(axis=1) < 60.0]
        if not len(near):
            return False
        inside = np.ones(len(near), bool)
        for index in range(4):
            edge = corners[(index + 1) % 4, :2] - corners[index, :2]
            outward = np.array([edge[1], -edge[0]]) / (np.linalg.norm(edge) + 1e-9)
            inside &= (near - corners[index, :2]) @ outward < margin_m
        return bool(inside.any())

    def _place(self, s_m: float, d_m: float) -> FloatArray:
        return self.street.centerline.point(s_m, d_m)

    def add_building(self, s_m: float, corners: list[tuple[float, float]], facade: int) -> bool:
        """Add a house on (station, offset) corners, unless it would stand on the road."""
        points = np.stack([self._place(*corner) for corner in corners])
        first, second = points[1] - points[0], points[2] - points[1]
        if first[0] * second[1] - first[1] * second[0] < 0:
            points = points[[1, 0, 3, 2]]
        if self._on_road(points, self.street.half_m + 2.5):
            return False
        stretch = float(self.rng.uniform(0.93, 1.08))
        self.plan.houses.append((s_m, points, facade, stretch))
        return True

    def add_row(self, block: Block) -> None:
        """Line a block with houses, and the gaps with walls, hedges or trees."""
        rng, layout, side = self.rng, self.layout, self.street.sides[block.sign]
        front_m = self.street.half_m + side.front_m
        s_m = block.start_m + side.front_m + 0.5
        end_m = block.end_m - side.front_m - 0.5
        while s_m < end_m - 6.0:
            facade = int(rng.integers(len(self.sizes)))
            width_m = min(self.sizes[facade][0] * rng.uniform(0.9, 1.1), end_m - s_m)
            depth_m = draw(rng, layout.building_depth_m)
            built = rng.random() < layout.building_share and width_m > 0.5 * self.sizes[facade][0]
            if built:
                d0, d1 = front_m * block.sign, (front_m + depth_m) * block.sign
                corners = [(s_m, d0), (s_m + width_m, d0), (s_m + width_m, d1), (s_m, d1)]
                built = self.add_building(s_m, corners, facade)
            if not built:
                self.add_gap(block, s_m, s_m + width_m, front_m)
            elif side.setback_m > 2.0 and not side.paved and rng.random() < layout.fence_share:
                near_m = front_m - side.setback_m + 0.3
                self.add_barrier(block.sign, s_m, s_m + width_m - _DRIVEWAY_GAP_M, near_m)
            s_m += width_m
            if layout.building_share < 0.9:
                gap_m = float(rng.uniform(0.5, 7.0))
                self.add_gap(block, s_m, min(s_m + gap_m, end_m), front_m)
                s_m += gap_m

    def add_gap(self, block: Block, start_m: float, end_m: float, front_m: float) -> None:
        """Close a gap between houses with a barrier, and plant the ground behind it."""
        if end_m - start_m < 1.0:
            return
        if self.rng.random() < self.layout.fence_share:
            side = self.street.sides[block.sign]
            near_m = front_m - (side.setback_m - 0.3 if not side.paved else 0.3)
            self.add_barrier(block.sign, start_m, end_m, max(near_m, self.street.half_m + 1.0))
        for _ in range(int((end_m - start_m) / 5.0) + 1):
            s_m, d_m = self.rng.uniform(start_m, end_m), front_m + self.rng.uniform(3.0, 22.0)
            self.add_stand(s_m, block.sign * d_m, str(self.rng.choice(self.layout.trees)))

    def add_barrier(self, sign: int, start_m: float, end_m: float, d_m: float) -> None:
        """Add a barrier along the road, in pieces that follow its bends."""
        bare = self.street.sides[sign].sidewalk_m == 0.0
        kinds = ['rail', 'rail', 'fence'] if bare else ['wall', 'wall', 'fence', 'fence', 'hedge']
        kind = str(self.rng.choice(kinds))
        height_m = 0.75 if kind == 'rail' else float(self.rng.uniform(0.5, 2.3))
        walls = self.layout.walls
        color = {
            'wall': walls[int(self.rng.integers(len(walls)))],
            'fence': ((228, 226, 220), (120, 84, 56), (74, 76, 78))[int(self.rng.integers(3))],
            'hedge': (66, 96, 40),
            'rail': (176, 180, 184),
        }[kind]
        num = max(2, round((end_m - start_m) / 6.0) + 1)
        feet = np.linspace(start_m, end_m, num)
        for first, second in pairwise(feet.tolist()):
            ends = self._place(first, sign * d_m), self._place(second, sign * d_m)
            number = BARRIER_KINDS.index(kind)
            self.plan.barriers.append((float(first), np.stack(ends), height_m, number, color))

    def add_stand(self, s_m: float, d_m: float, kind: str, spread: float = 0.25) -> None:
        """Add a flat picture, unless it would stand on the road behind a bend."""
        place = self._place(s_m, d_m)
        gap = np.linalg.norm(self._line - place[:2], axis=1).min()
        if gap < min(abs(d_m), self.street.half_m + 1.0) - 0.3:
            return
        scale = float(self.rng.uniform(1 - spread, 1 + spread))
        variant = int(self.rng.integers(VARIANTS))
        self.plan.stands.append((s_m, place, scale, (kind, variant)))

    def add_side_streets(self) -> None:
        """Line the side streets with houses."""
        for junction in self.street.junctions:
            for sign in junction.signs:
                side = self.street.sides[sign]
                for along in (1, -1):
                    front_s = junction.station_m + along * (junction.half_width_m + side.front_m)
                    d_m = self.street.half_m + side.front_m + self.layout.building_depth_m[1] + 2
                    while d_m < SIDE_REACH_M - 8.0:
                        facade = int(self.rng.integers(len(self.sizes)))
                        width_m = self.sizes[facade][0]
                        back_s = front_s + along * draw(self.rng, self.layout.building_depth_m)
                        far_m = d_m + width_m
                        corners = [
                            (front_s, sign * d_m),
                            (front_s, sign * far_m),
                            (back_s, sign * far_m),
                            (back_s, sign * d_m),
                        ]
                        if self.rng.random() < max(self.layout.building_share, 0.5):
                            self.add_building(front_s, corners, facade)
                        else:
                            kind = str(self.rng.choice(self.layout.trees))
                            self.add_stand(front_s + along * 2, sign * (d_m + 3), kind)
                        d_m = far_m + float(self.rng.uniform(0.5, 8.0))

    def scatter(self, per_100_m: float, put: Callable[[float, int], None]) -> None:
        """Call a function at random stations at both sides, away from side streets."""
        for sign in (1, -1):
            for block in blocks(self.street, sign):
                radius_m = self.street.corner_radius_m
                start_m, end_m = block.start_m + radius_m + 3, block.end_m - radius_m - 3
                if end_m <= start_m:
                    continue
                for _ in range(self.rng.poisson(per_100_m * (end_m - start_m) / 100.0)):
                    put(float(self.rng.uniform(start_m, end_m)), sign)

    def _kerbside_m(self, sign: int) -> float:
        """Return an offset at the sidewalk's edge, or on the shoulder."""
        side = self.street.sides[sign]
        width_m = side.verge_m if side.verge_m else (0.6 if side.sidewalk_m else 2.0)
        return sign * (self.street.half_m + 0.3 + float(self.rng.uniform(0.2, 1.0)) * width_m)

    def put_tree(self, s_m: float, sign: int) -> None:
        """Plant a tree at the kerb, on the lawn or behind the houses."""
        side = self.street.sides[sign]
        kind = str(self.rng.choice(self.layout.trees))
        edge_m = self.street.half_m + side.verge_m + side.sidewalk_m
        if not side.paved and side.setback_m > 2.0 and self.rng.random() < 0.75:
            d_m = edge_m + self.rng.uniform(0.8, max(1.0, side.setback_m - 0.6))
        elif kind in ('round', 'plane', 'palm', 'olive', 'poplar') or side.verge_m:
            d_m = abs(self._kerbside_m(sign)) + 0.3
        else:
            d_m = edge_m + side.setback_m + self.rng.uniform(12.0, 30.0)
        if side.sidewalk_m == 0.0:
            d_m += 1.5
        self.add_stand(s_m, sign * d_m, kind)

    def put_prop(self, s_m: float, sign: int) -> None:
        """Put a sign or a piece of street furniture."""
        kinds = ['sign_round', 'sign_triangle', 'sign_octagon', 'sign_board', 'bin', 'bin', 'box']
        kinds += ['hydrant', 'bench', 'cone', 'pole', 'bush']
        kind = str(self.rng.choice(kinds))
        side = self.street.sides[sign]
        d_m = self._kerbside_m(sign)
        if kind in ('bin', 'bench', 'box', 'bush') and side.sidewalk_m:
            back_m = side.verge_m + side.sidewalk_m + (side.setback_m if side.paved else 0.0)
            d_m = sign * (self.street.half_m + back_m - 0.4)
        self.add_stand(s_m, d_m, kind, spread=0.1)

    def put_parked(self, s_m: float, sign: int) -> None:
        """Park a car in the parking lane."""
        if not self.street.parking_m:
            return
        d_m = sign * (self.street.half_m - 1.05)
        taken = [s for s, _ in self.plan.parked if abs(s - s_m) < 6.5]
        if taken:
            return
        kinds = [k for k in KIND_SHARES if k not in ('truck', 'bus')]
        line = self.street.centerline
        heading = float(line.heading(np.array(s_m))) + (np.pi if sign > 0 else 0.0)
        parked = Vehicle(
            self._place(s_m, d_m), heading, str(self.rng.choice(kinds)), int(self.rng.integers(10))
        )
        self.plan.parked.append((s_m, parked))

    def put_walker(self, s_m: float, sign: int) -> None:
        """Let somebody walk on the sidewalk."""
        side = self.street.sides[sign]
        if side.sidewalk_m < 1.0:
            return
        d_m = self.street.half_m + side.verge_m + self.rng.uniform(0.6, side.sidewalk_m - 0.2)
        speed = float(self.rng.uniform(0.9, 1.7) * self.rng.choice([1, -1]))
        self.plan.walkers.append(Walker(s_m, sign * d_m, speed, int(self.rng.integers(VARIANTS))))

    def add_lamps(self) -> None:
        """Set street lamps at even distances."""
        pitch_m = float(self.rng.uniform(22.0, 42.0))
        openings = [(j.station_m, j.half_width_m + 4.0) for j in self.street.junctions]
        for index, s_m in enumerate(np.arange(4.0, PERIOD_M - 4.0, pitch_m)):
            if any(abs(s_m - at) < clear for at, clear in openings):
                continue
            for sign in (1, -1) if self.street.lanes > 1 else ((1, -1)[index % 2],):
                shoulder_m = 0.5 if self.street.sides[sign].sidewalk_m else 1.8
                place = self._place(s_m, sign * (self.street.half_m + shoulder_m))
                inward = self._place(s_m, 0.0) - place
                arm = inward / np.linalg.norm(inward)
                self.plan.lamps.append((float(s_m), place, arm))

    def add_signals(self) -> None:
        """Set traffic lights at the corners of some junctions."""
        for junction in self.street.junctions:
            if not junction.signals:
                continue
            reach_m = junction.half_width_m + self.street.corner_radius_m
            state = ('signal_green', 'signal_red')[int(self.rng.random() < 0.3)]
            d_m = self.street.half_m + 0.7
            for s_m, side in ((-1, -1), (1, -1), (1, 1)):
                self.add_stand(junction.station_m + s_m * reach_m, side * d_m, state, 0.02)


def build_frontage(
    street: Street, layout: Layout, sizes: list[tuple[float, float]], rng: np.random.Generator
) -> Frontage:
    """
    Return what stands beside a street.

    Parameters
    ----------
    street : Street
        The street.
    layout : Layout
        Its district.
    sizes : list of tuple
        Width and height [m] of each facade in the district.
    rng : numpy.random.Generator
        Where all draws come from.

    """
    builder = _Builder(street, layout, sizes, rng)
    for sign in (1, -1):
        for block in blocks(street, sign):
            builder.add_row(block)
    builder.add_side_streets()
    builder.add_lamps()
    builder.add_signals()
    builder.scatter(layout.trees_per_100_m, builder.put_tree)
    builder.scatter(layout.props_per_100_m, builder.put_prop)
    builder.scatter(layout.parked_per_100_m, builder.put_parked)
    builder.scatter(layout.pedestrians_per_100_m, builder.put_walker)
    return assemble(builder.plan, street)
