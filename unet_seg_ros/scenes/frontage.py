"""What stands beside the road: houses, walls, trees, lamps, signs, parked cars and people."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.district import Color
from unet_seg_ros.scenes.street import BEHIND_M, PERIOD_M, SIGHT_M, Street

IntArray = npt.NDArray[np.int64]
_Row = TypeVar('_Row', bound=tuple[Any, ...])

#: How many pictures there are of each kind.
VARIANTS = 4
#: Kinds of barriers; their number stands in `Barriers.kind`.
BARRIER_KINDS = ('wall', 'fence', 'hedge', 'rail')


@dataclass(frozen=True)
class Houses:
    """
    Houses on rectangles, by rising station.

    Attributes
    ----------
    station_m : ndarray
        float64 [n].
    corners_m : ndarray
        float64 [n, 4, 3] on the ground, against the clock seen from above; the first two bound
        the front.
    facade : ndarray
        int64 [n], number of the front in the district's list.
    stretch : ndarray
        float64 [n], factor on the facade's height.
    """

    station_m: FloatArray
    corners_m: FloatArray
    facade: IntArray
    stretch: FloatArray


@dataclass(frozen=True)
class Barriers:
    """
    Walls, fences, hedges and guard rails, each between two points, by rising station.

    Attributes
    ----------
    station_m, height_m : ndarray
        float64 [n].
    ends_m : ndarray
        float64 [n, 2, 3], their feet.
    kind : ndarray
        int64 [n], numbers of `BARRIER_KINDS`.
    color_bgr : ndarray
        float64 [n, 3].
    """

    station_m: FloatArray
    ends_m: FloatArray
    height_m: FloatArray
    kind: IntArray
    color_bgr: FloatArray


@dataclass(frozen=True)
class Stands:
    """
    Flat pictures that stand at a place, by rising station.

    Attributes
    ----------
    station_m, scale : ndarray
        float64 [n]; the scale is a factor on the picture's own size.
    place_m : ndarray
        float64 [n, 3].
    picture : list
        Kind and variant of each.
    """

    station_m: FloatArray
    place_m: FloatArray
    scale: FloatArray
    picture: list[tuple[str, int]]


@dataclass(frozen=True)
class Lamps:
    """
    Street lamps of one height and colour, by rising station.

    Attributes
    ----------
    station_m : ndarray
        float64 [n].
    place_m, arm : ndarray
        float64 [n, 3], the foot, and the unit vector along the arm.
    height_m : float
        Of all of them.
    color : tuple of int
        Of all of them.
    """

    station_m: FloatArray
    place_m: FloatArray
    arm: FloatArray
    height_m: float
    color: Color


@dataclass(frozen=True)
class Vehicle:
    """
    A vehicle or a rider at one moment.

    Attributes
    ----------
    place_m : ndarray
        float64 [3], on the ground.
    heading_rad : float
        Where it goes.
    kind : str
        A key of `vehicles.MESHES`, or ``bicycle`` or ``motorcycle``.
    color : int
        Number of its colour, or of its picture.
    """

    place_m: FloatArray
    heading_rad: float
    kind: str
    color: int


@dataclass(frozen=True)
class Walker:
    """
    Somebody on the sidewalk.

    Attributes
    ----------
    station_m, offset_m : float
        About where.
    speed_m_s : float
        Positive along the road.
    variant : int
        Number of the picture.
    """

    station_m: float
    offset_m: float
    speed_m_s: float
    variant: int


@dataclass(frozen=True)
class Frontage:
    """
    Everything that stands beside the road.

    Attributes
    ----------
    houses : Houses
    barriers : Barriers
    stands : Stands
    lamps : Lamps
    parked : list
        Station and vehicle, by rising station.
    walkers : list of Walker
        Over one period.
    """

    houses: Houses
    barriers: Barriers
    stands: Stands
    lamps: Lamps
    parked: list[tuple[float, Vehicle]]
    walkers: list[Walker]


@dataclass
class Plan:
    """
    Where things are to stand, within one period, in any order.

    Attributes
    ----------
    houses : list
        Station, corners, facade and stretch of each.
    barriers : list
        Station, ends, height, kind and colour of each.
    stands : list
        Station, place, scale and picture of each.
    lamps : list
        Station, place and arm of each.
    parked : list
        Station and vehicle.
    walkers : list of Walker
        Those on the sidewalks.
    lamp_height_m : float
        Of all lamps.
    lamp_color : tuple of int
        Of all lamps.
    """

    houses: list[tuple[float, FloatArray, int, float]] = field(default_factory=list)
    barriers: list[tuple[float, FloatArray, float, int, Color]] = field(default_factory=list)
    stands: list[tuple[float, FloatArray, float, tuple[str, int]]] = field(default_factory=list)
    lamps: list[tuple[float, FloatArray, FloatArray]] = field(default_factory=list)
    parked: list[tuple[float, Vehicle]] = field(default_factory=list)
    walkers: list[Walker] = field(default_factory=list)
    lamp_height_m: float = 7.0
    lamp_color: Color = (96, 98, 100)


def assemble(plan: Plan, street: Street) -> Frontage:
    """Return all that a plan holds, continued beyond both ends of the period."""
    line = street.centerline
    period_m = line.point(PERIOD_M, 0.0) - line.point(0.0, 0.0)
    houses = _continued(plan.houses)
    barriers = _continued(plan.barriers)
    stands = _continued(plan.stands)
    lamps = _continued(plan.lamps)
    return Frontage(
        houses=Houses(
            station_m=_stations(houses),
            corners_m=_moved([row[1] for _, row in houses], houses, (4, 3), period_m),
            facade=np.array([row[2] for _, row in houses], np.int64),
            stretch=np.array([row[3] for _, row in houses]),
        ),
        barriers=Barriers(
            station_m=_stations(barriers),
            ends_m=_moved([row[1] for _, row in barriers], barriers, (2, 3), period_m),
            height_m=np.array([row[2] for _, row in barriers]),
            kind=np.array([row[3] for _, row in barriers], np.int64),
            color_bgr=np.array([row[4][::-1] for _, row in barriers], np.float64).reshape(-1, 3),
        ),
        stands=Stands(
            station_m=_stations(stands),
            place_m=_moved([row[1] for _, row in stands], stands, (3,), period_m),
            scale=np.array([row[2] for _, row in stands]),
            picture=[row[3] for _, row in stands],
        ),
        lamps=Lamps(
            station_m=_stations(lamps),
            place_m=_moved([row[1] for _, row in lamps], lamps, (3,), period_m),
            arm=np.array([row[2] for _, row in lamps]).reshape(-1, 3),
            height_m=plan.lamp_height_m,
            color=plan.lamp_color,
        ),
        parked=[
            (
                row[0] + turn * PERIOD_M,
                replace(row[1], place_m=row[1].place_m + turn * period_m),
            )
            for turn, row in _continued(plan.parked)
        ],
        walkers=plan.walkers,
    )


def _continued(rows: list[_Row]) -> list[tuple[int, _Row]]:
    """Return rows with their turn of the period, by rising station, beyond both ends."""
    found = [
        (turn, row)
        for row in rows
        for turn in (-1, 0, 1)
        if -2 * BEHIND_M < row[0] + turn * PERIOD_M < PERIOD_M + SIGHT_M
    ]
    return sorted(found, key=lambda entry: entry[1][0] + entry[0] * PERIOD_M)


def _stations(rows: list[tuple[int, _Row]]) -> FloatArray:
    return np.array([row[0] + turn * PERIOD_M for turn, row in rows], np.float64)


def _moved(
    points: list[FloatArray],
    rows: list[tuple[int, _Row]],
    shape: tuple[int, ...],
    period_m: FloatArray,
) -> FloatArray:
    """Return the points [n, ...] of rows, each moved by its turns of the period."""
    turns = np.array([turn for turn, _ in rows], np.float64)
    turns = turns.reshape(-1, *(1 for _ in shape))
    return np.array(points, np.float64).reshape(-1, *shape) + turns * period_m
