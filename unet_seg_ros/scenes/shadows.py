"""Shadows on the ground, as convex polygons in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.frontage import Houses, Lamps, Stands
from unet_seg_ros.scenes.town import Town
from unet_seg_ros.scenes.weather import Weather

_BLOBS = 7
_BLOB_CORNERS = 10
#: Things that are higher than this are trees [m].
_TREE_M = 3.7


@dataclass(frozen=True)
class Shadows:
    """
    Polygons of any number of corners, by rising station.

    Attributes
    ----------
    points_m : ndarray
        float64 [p, 3], all corners one after the other.
    starts : ndarray
        int64 [n + 1], where each polygon begins.
    station_m : ndarray
        float64 [n].
    """

    points_m: FloatArray
    starts: npt.NDArray[np.int64]
    station_m: FloatArray

    def near(self, first_m: float, last_m: float) -> tuple[FloatArray, list[int]]:
        """Return the points and the polygons' lengths between two stations."""
        first, last = np.searchsorted(self.station_m, [first_m, last_m])
        points = self.points_m[self.starts[first] : self.starts[last]]
        return points, np.diff(self.starts[first : last + 1]).tolist()


def _away(weather: Weather) -> FloatArray:
    """Return how far a shadow reaches per metre of height, float64 [3]."""
    x, y = -weather.to_sun[:2] / max(float(weather.to_sun[2]), 0.08)
    return np.array([x, y, 0.0])


def of_boxes(corners_m: FloatArray, height_m: FloatArray, weather: Weather) -> FloatArray:
    """Return the shadows [n, 6, 3] of upright boxes on rectangles [n, 4, 3]."""
    reach = _away(weather) * np.asarray(height_m)[:, None, None]
    edge = np.roll(corners_m, -1, axis=1) - corners_m
    away = edge[..., 1] * reach[..., 0] - edge[..., 0] * reach[..., 1] > 0
    # The first edge that faces away from the sun, seen against the clock, begins the outline.
    first = np.argmax(away & ~np.roll(away, 1, axis=1), axis=1)
    order = (first[:, None] + np.arange(4)) % 4
    turned = np.take_along_axis(corners_m, order[..., None], axis=1)
    far = turned + reach
    shape = turned[:, 0], far[:, 0], far[:, 1], far[:, 2], turned[:, 2], turned[:, 3]
    return np.stack(shape, axis=1)


def of_uprights(
    place_m: FloatArray, width_m: FloatArray, height_m: FloatArray, weather: Weather
) -> FloatArray:
    """Return the shadows [n, 4, 3] of narrow things: posts, people, bins."""
    away = _away(weather)
    side = np.array([-away[1], away[0], 0.0]) / (np.linalg.norm(away) + 1e-9)
    side = side * (np.asarray(width_m) / 2)[:, None]
    far = place_m + away * np.asarray(height_m)[:, None]
    return np.stack([place_m + side, place_m - side, far - side, far + side], axis=1)


def _of_crowns(
    place_m: FloatArray, width_m: FloatArray, height_m: FloatArray, weather: Weather
) -> FloatArray:
    """Return the shadows [n, blobs, corners, 3] of tree crowns."""
    away = _away(weather)
    along = away * (0.24 * height_m)[:, None]
    along += away / (np.linalg.norm(away) + 1e-9) * (0.2 * width_m)[:, None]
    across = np.array([-away[1], away[0], 0.0]) / (np.linalg.norm(away) + 1e-9)
    across = across * (0.42 * width_m)[:, None]
    rng = np.random.default_rng(len(place_m))
    turn = np.linspace(0.0, 2 * np.pi, _BLOB_CORNERS, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    count = len(place_m)
    middle = rng.normal(0.0, 0.45, (count, _BLOBS, 1, 2))
    radius = rng.uniform(0.25, 0.55, (count, _BLOBS, 1, 1))
    unit = middle + radius * ring
    centre = place_m + away * (0.62 * height_m)[:, None]
    return np.asarray(
        centre[:, None, None]
        + unit[..., :1] * along[:, None, None]
        + unit[..., 1:] * across[:, None, None],
        np.float64,
    )


class _Soup:
    def __init__(self) -> None:
        self._points: list[FloatArray] = []
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._stations: list[FloatArray] = []

    def add(self, polygons: FloatArray, station_m: FloatArray) -> None:
        """Add polygons [n, k, 3]."""
        self._points.append(polygons)
        self._lengths.append(np.full(len(polygons), polygons.shape[1]))
        self._stations.append(station_m)

    def finish(self) -> Shadows:
        """Return all polygons by rising station."""
        station = np.concatenate(self._stations)
        length = np.concatenate(self._lengths)
        flat = np.concatenate([points.reshape(-1, 3) for points in self._points])
        order = np.argsort(station, kind='stable')
        begins = np.cumsum(length) - length
        new_starts = np.concatenate([[0], np.cumsum(length[order])])
        picked = np.repeat(begins[order] - new_starts[:-1], length[order])
        return Shadows(flat[picked + np.arange(len(flat))], new_starts, station[order])


def _add_stands(soup: _Soup, town: Town, stands: Stands, weather: Weather) -> None:
    pictures = [town.pictures[key] for key in stands.picture]
    width = np.array([p.width_m for p in pictures]) * stands.scale
    height = np.array([p.height_m for p in pictures]) * stands.scale
    tree = height > _TREE_M
    slim = np.array([kind.startswith('sig') for kind, _ in stands.picture], bool)
    foot = np.where(tree, 0.3, np.where(slim, 0.1, 0.7 * width))
    crowns = _of_crowns(stands.place_m[tree], width[tree], height[tree], weather)
    soup.add(crowns.reshape(-1, _BLOB_CORNERS, 3), np.repeat(stands.station_m[tree], _BLOBS))
    stem = np.where(tree, 0.6 * height, height)
    soup.add(of_uprights(stands.place_m, foot, stem, weather), stands.station_m)


def _add_houses(soup: _Soup, town: Town, houses: Houses, weather: Weather) -> None:
    heights = np.array([f.height_m for f in town.facades])[houses.facade] * houses.stretch
    ridge = np.array([1.5 if f.pitched else 0.0 for f in town.facades])[houses.facade]
    soup.add(of_boxes(houses.corners_m, heights + ridge, weather), houses.station_m)


def _add_lamps(soup: _Soup, lamps: Lamps, weather: Weather) -> None:
    count = len(lamps.station_m)
    height = np.full(count, lamps.height_m)
    soup.add(of_uprights(lamps.place_m, np.full(count, 0.16), height, weather), lamps.station_m)


def _add_pools(soup: _Soup, lamps: Lamps) -> None:
    """Add the discs that street lamps light."""
    turn = np.linspace(0.0, 2 * np.pi, 16, endpoint=False)
    disc = np.stack([np.cos(turn), np.sin(turn), 0.0 * turn], axis=-1) * (0.8 * lamps.height_m)
    soup.add((lamps.place_m + 2.0 * lamps.arm)[:, None] + disc, lamps.station_m)


def cast_shadows(town: Town, weather: Weather) -> Shadows:
    """
    Return the shadows of all that does not move.

    Without sun there are none; when the lamps are on, their pools of light come instead.
    """
    soup = _Soup()
    soup.add(np.zeros((0, 4, 3)), np.zeros(0))
    if weather.lamps:
        _add_pools(soup, town.frontage.lamps)
    if weather.shadows:
        frontage = town.frontage
        _add_houses(soup, town, frontage.houses, weather)
        _add_stands(soup, town, frontage.stands, weather)
        _add_lamps(soup, frontage.lamps, weather)
        barriers = frontage.barriers
        reach = _away(weather) * barriers.height_m[:, None]
        start, end = barriers.ends_m[:, 0], barriers.ends_m[:, 1]
        quads = np.stack([start, end, end + reach, start + reach], axis=1)
        soup.add(quads, barriers.station_m)
    return soup.finish()
