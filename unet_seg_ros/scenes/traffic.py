"""Who moves: vehicles in all lanes, cyclists, and people on the sidewalks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet_seg_ros.scenes.frontage import Vehicle
from unet_seg_ros.scenes.street import SIGHT_M, Street
from unet_seg_ros.scenes.vehicles import BODY_COLORS, KIND_SHARES

_LOOP_M = 2 * SIGHT_M
_HIDDEN_M = 25.0


@dataclass(frozen=True)
class _Car:
    lane: int
    phase_m: float
    speed_m_s: float
    sway_m: float
    kind: str
    color: int


class Traffic:
    """
    All vehicles of a drive.

    Parameters
    ----------
    street : Street
        Where they drive.
    per_100_m : float
        Vehicles in 100 m of each lane.
    own_lane : int
        The camera's lane, below 0; it is kept free nearby.
    own_speed_m_s : float
        The camera's speed.
    rng : numpy.random.Generator
        Where the draws come from.

    """

    def __init__(
        self,
        street: Street,
        per_100_m: float,
        own: tuple[int, float],
        rng: np.random.Generator,
    ) -> None:
        self._street = street
        self._own_lane, self._own_speed_m_s = own
        kinds, shares = list(KIND_SHARES), list(KIND_SHARES.values())
        self._cars: list[_Car] = []
        for lane in range(-street.lanes, street.lanes):
            # Neither side by side for minutes, nor a race.
            speed = float(rng.choice([0.72, 0.82, 1.15, 1.3])) * own[1]
            if lane == own[0]:
                speed = own[1]
            at_m = float(rng.uniform(0.0, 60.0))
            while at_m < _LOOP_M - 14.0:
                kind = str(rng.choice(kinds, p=shares))
                if rng.random() < 0.1:
                    kind = str(rng.choice(['bicycle', 'motorcycle']))
                color = int(rng.integers(len(BODY_COLORS)))
                self._cars.append(
                    _Car(lane, at_m, speed, float(rng.uniform(0.5, 2.0)), kind, color)
                )
                at_m += 13.0 + float(rng.exponential(100.0 / max(per_100_m, 0.05)))

    def at(self, time_s: float, station_m: float) -> list[Vehicle]:
        """Return who is in sight at a time, when the camera is at a station."""
        found = []
        line = self._street.centerline
        for index, car in enumerate(self._cars):
            oncoming = car.lane >= 0
            relative = (-car.speed_m_s if oncoming else car.speed_m_s) - self._own_speed_m_s
            ahead_m = car.phase_m + relative * time_s
            if car.lane == self._own_lane:
                ahead_m += car.sway_m * float(np.sin(0.2 * time_s + index))
            ahead_m = float(np.mod(ahead_m + _HIDDEN_M, _LOOP_M)) - _HIDDEN_M
            if ahead_m > SIGHT_M or ahead_m < -12.0:
                continue
            if car.lane == self._own_lane and ahead_m < 11.0:
                continue
            offset_m = self._street.lane_offset_m(car.lane)
            if car.kind == 'bicycle':
                offset_m = np.sign(offset_m) * (self._street.lanes_half_m - 0.6)
            place = line.point(station_m + ahead_m, offset_m)
            heading = float(line.heading(np.array(station_m + ahead_m)))
            found.append(Vehicle(place, heading + np.pi * oncoming, car.kind, car.color))
        return found
