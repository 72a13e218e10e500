"""Pieces of flat ground: quadrilaterals along the street, collected in layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.street import PERIOD_M, Street

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


class Pieces:
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
        everything = np.concatenate([corners + np.array([shift, 0.0, 0.0]) for shift in shifts])
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


def rail(s_m: FloatArray, d_m: FloatArray | float, z_m: float) -> FloatArray:
    """Return a line [n, 3] of street coordinates (station, offset, height)."""
    return np.stack([s_m, np.broadcast_to(d_m, s_m.shape), np.full(s_m.shape, z_m)], axis=-1)
