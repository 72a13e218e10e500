"""Drawing vehicles as meshes, and riders as flat pictures."""

from __future__ import annotations

import numpy as np

from unet_seg_ros.scenes import vehicles
from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.frontage import VARIANTS, Vehicle
from unet_seg_ros.scenes.shadows import of_boxes, of_uprights
from unet_seg_ros.scenes.stage import Paint, Shading, Stage
from unet_seg_ros.scenes.stands import SpritePainter
from unet_seg_ros.scenes.street import BEHIND_M
from unet_seg_ros.scenes.town import Town

_PARKED_SIGHT_M = 110.0
_CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])


class VehiclePainter:
    """
    Draws vehicles, parked or moving.

    Parameters
    ----------
    town : Town
        Where vehicles are parked.
    shading : Shading
        The light.
    sprites : SpritePainter
        Who draws riders.

    """

    def __init__(self, town: Town, shading: Shading, sprites: SpritePainter) -> None:
        self._parked = town.frontage.parked
        self._stations = np.array([station for station, _ in self._parked])
        self._shading = shading
        self._sprites = sprites
        other = [
            vehicles.PAINT_COLORS[paint] for paint in range(1, len(vehicles.PAINT_COLORS) + 1)
        ]
        self._palettes = np.array([[body, *other] for body in vehicles.BODY_COLORS], np.float64)

    def collect(self, stage: Stage, moving: list[Vehicle]) -> list[FloatArray]:
        """Put all in sight on the stage; return their shadows, polygons [k, 3]."""
        span = [stage.station_m - BEHIND_M, stage.station_m + _PARKED_SIGHT_M]
        first, last = np.searchsorted(self._stations, span)
        everyone = [car for _, car in self._parked[first:last]] + moving
        if not everyone:
            return []
        view = stage.view
        middle = view.to_camera(np.stack([car.place_m for car in everyone]))
        reach = np.abs(middle[:, 0]) * view.camera.focal_px * 2 / view.camera.size.width
        in_sight = (middle[:, 2] > -4.0) & (reach < np.maximum(middle[:, 2], 0) + 14.0)
        cars, riders = [], []
        for index in np.flatnonzero(in_sight).tolist():
            one = everyone[index]
            if one.kind not in vehicles.MESHES:
                riders.append(one)
                continue
            cars.append(one)
            self._put(stage, one, float(middle[index, 2]))
        return self._cast(cars) + (self._put_riders(stage, riders) if riders else [])

    def _cast(self, cars: list[Vehicle]) -> list[FloatArray]:
        """Return the shadows of vehicles: below each, and away from the sun."""
        if not cars:
            return []
        size = np.array([_size(car.kind) for car in cars])
        place = np.stack([car.place_m for car in cars])
        heading = np.array([car.heading_rad for car in cars])
        ahead = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=-1)
        half = size[:, None, :2] / 2 * _CORNERS
        corners = np.repeat(place[:, None], 4, axis=1)
        corners[..., :2] += half[..., :1] * ahead[:, None] + half[..., 1:] * left[:, None]
        shadows = list(corners)
        if self._shading.weather.shadows:
            shadows += list(of_boxes(corners, 0.85 * size[:, 2], self._shading.weather))
        return shadows

    def _put_riders(self, stage: Stage, riders: list[Vehicle]) -> list[FloatArray]:
        feet = np.stack([rider.place_m for rider in riders])
        keys = [(rider.kind, rider.color % VARIANTS) for rider in riders]
        count = np.ones(len(riders))
        self._sprites.collect(stage, feet, keys, count)
        if not self._shading.weather.shadows:
            return []
        return list(of_uprights(feet, 0.5 * count, 1.7 * count, self._shading.weather))

    def _put(self, stage: Stage, car: Vehicle, depth_m: float) -> None:
        mesh = vehicles.MESHES[car.kind]
        if depth_m < -mesh.length_m:
            return
        cos, sin = float(np.cos(car.heading_rad)), float(np.sin(car.heading_rad))
        axes = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
        mesh = vehicles.MESHES[car.kind]
        eye = axes @ (stage.view.position_m - car.place_m)
        shown = np.einsum('ij,ij->i', eye - mesh.firsts_m, mesh.normals) > 0
        if depth_m > 40.0:
            shown &= mesh.coarse
        sun = axes @ self._shading.weather.to_sun
        gains = self._shading.weather.gain_facing(mesh.normals @ sun)
        colors = self._palettes[car.color][mesh.paint[shown]] * gains[shown]
        lengths = mesh.lengths[shown]
        points = mesh.points_m[np.repeat(shown, mesh.lengths)] @ axes + car.place_m
        stage.add_polygons(depth_m, points, lengths.tolist(), Paint(colors, mesh.tag))


def _size(kind: str) -> tuple[float, float, float]:
    mesh = vehicles.MESHES[kind]
    return mesh.length_m, mesh.width_m, mesh.height_m
