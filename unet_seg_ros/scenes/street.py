"""One street of a district: its cross-section, its junctions and its line styles, drawn by lot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet_seg_ros.scenes.district import Layout, Span
from unet_seg_ros.scenes.path import Bend, Centerline

#: The street repeats after this length; long enough that nobody notices in a minute's drive.
PERIOD_M = 960.0
#: How far the renderer looks ahead and behind.
SIGHT_M = 190.0
BEHIND_M = 14.0
#: How far side streets reach.
SIDE_REACH_M = 75.0


def draw(rng: np.random.Generator, span: Span) -> float:
    """Return a uniform draw from a span."""
    return float(rng.uniform(*span))


@dataclass(frozen=True)
class Side:
    """
    One side of the street, all widths in metres.

    Attributes
    ----------
    verge_m, sidewalk_m, setback_m : float
        From the kerb outwards. A sidewalk of 0 means a grass shoulder without kerb.
    paved : bool
        Whether the setback is paved as the sidewalk is.
    """

    verge_m: float
    sidewalk_m: float
    setback_m: float
    paved: bool

    @property
    def front_m(self) -> float:
        """Distance from the road's edge to the facades."""
        return self.verge_m + self.sidewalk_m + self.setback_m


@dataclass(frozen=True)
class Junction:
    """
    A side street that meets the road at a right angle.

    Attributes
    ----------
    station_m, half_width_m : float
        Its axis along the road, and half of its own width.
    signs : tuple of int
        1 where it leaves to the left, -1 where to the right.
    zebra, signals : bool
        Whether pedestrians cross on stripes, whether there are traffic lights.
    """

    station_m: float
    half_width_m: float
    signs: tuple[int, ...]
    zebra: bool
    signals: bool


@dataclass(frozen=True)
class Street:
    """
    The street along which the camera drives.

    Attributes
    ----------
    centerline : Centerline
        Its axis.
    lanes : int
        Lanes per direction.
    lane_width_m, parking_m, kerb_height_m, corner_radius_m : float
        Dimensions; the parking lane is 0 wide where there is none.
    sides : dict
        By sign, 1 for the left and -1 for the right side.
    junctions : list of Junction
        By rising station, within one period.
    centre, lane_line, edge_line : str
        Line styles as in `Layout`.
    line_width_m, dash_m, gap_m : float
        Dimensions of lines.
    """

    centerline: Centerline
    lanes: int
    lane_width_m: float
    parking_m: float
    kerb_height_m: float
    corner_radius_m: float
    sides: dict[int, Side]
    junctions: list[Junction]
    centre: str
    lane_line: str
    edge_line: str
    line_width_m: float
    dash_m: float
    gap_m: float

    @property
    def lanes_half_m(self) -> float:
        """Half the width of all driving lanes."""
        return self.lanes * self.lane_width_m

    @property
    def half_m(self) -> float:
        """Half the width between the kerbs."""
        return self.lanes_half_m + self.parking_m

    def lane_offset_m(self, lane: int) -> float:
        """Return the offset of a lane's middle; lanes below 0 go ahead, from 0 on oncoming."""
        return (lane + 0.5) * self.lane_width_m


def _draw_course(
    rng: np.random.Generator, layout: Layout, reach_m: float
) -> tuple[list[Bend], list[float]]:
    """Alternate straight blocks, each ending in a junction, with bends that cancel out."""
    bends: list[Bend] = []
    stations: list[float] = []
    s_m = rng.uniform(5.0, 30.0)
    while True:
        block_m = draw(rng, layout.block_m)
        turn_rad = np.radians(draw(rng, layout.bends_deg)) * rng.choice([-1.0, 1.0])
        arc_m = abs(turn_rad) * draw(rng, layout.bend_radius_m) * 1.5
        needed_m = 2 * (arc_m + reach_m) + block_m * 0.7 + 12.0
        if s_m + block_m + needed_m > PERIOD_M:
            break
        stations.append(s_m + block_m / 2)
        s_m += block_m
        if rng.random() < 0.6:
            between_m = block_m * 0.7
            bends.append(Bend(s_m + reach_m * 0.5, arc_m, turn_rad))
            s_m += arc_m + reach_m
            stations.append(s_m + between_m / 2)
            s_m += between_m
            bends.append(Bend(s_m + reach_m * 0.5, arc_m, -turn_rad))
            s_m += arc_m + reach_m
    return bends, stations


def _draw_side(rng: np.random.Generator, layout: Layout) -> Side:
    missing = rng.random() < layout.sidewalk_missing
    verge_m = draw(rng, layout.verge_m)
    return Side(
        verge_m=0.0 if missing or verge_m < 0.4 else verge_m,
        sidewalk_m=0.0 if missing else draw(rng, layout.sidewalk_width_m),
        setback_m=draw(rng, layout.setback_m) + (2.0 if missing else 0.0),
        paved=bool(not missing and rng.random() >= layout.green_setback),
    )


def draw_street(rng: np.random.Generator, layout: Layout) -> Street:
    """Return a street of a layout."""
    lanes = int(rng.choice(layout.lanes))
    corner_radius_m = float(rng.uniform(2.5, 8.0))
    side_lane_m = draw(rng, layout.lane_width_m)
    reach_m = corner_radius_m + 2 * side_lane_m + 6.0
    bends, stations = _draw_course(rng, layout, reach_m)
    junctions = [
        Junction(
            station_m=station_m,
            half_width_m=side_lane_m * float(rng.choice([1.0, 1.0, 2.0])),
            signs=((1, -1), (1, -1), (1,), (-1,))[int(rng.integers(4))],
            zebra=bool(rng.random() < 0.5),
            signals=bool(rng.random() < (0.35 if lanes == 1 else 0.8)),
        )
        for station_m in stations
    ]
    return Street(
        centerline=Centerline(PERIOD_M, SIGHT_M + 2 * SIDE_REACH_M, bends),
        lanes=lanes,
        lane_width_m=draw(rng, layout.lane_width_m),
        parking_m=2.2 if rng.random() < layout.parking else 0.0,
        kerb_height_m=float(rng.uniform(0.08, 0.2)),
        corner_radius_m=corner_radius_m,
        sides={sign: _draw_side(rng, layout) for sign in (1, -1)},
        junctions=junctions,
        centre=str(rng.choice(layout.centre)),
        lane_line=str(rng.choice(layout.lane_line)),
        edge_line=str(rng.choice(layout.edge_line)),
        line_width_m=float(rng.uniform(0.1, 0.18)),
        dash_m=float(rng.uniform(2.0, 4.0)),
        gap_m=float(rng.uniform(2.5, 7.0)),
    )
