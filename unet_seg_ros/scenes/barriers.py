"""Walls, fences, hedges and guard rails."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.frontage import BARRIER_KINDS
from unet_seg_ros.scenes.polygons import NEAR_M
from unet_seg_ros.scenes.stage import Paint, Shading, Stage
from unet_seg_ros.scenes.street import BEHIND_M
from unet_seg_ros.scenes.town import Town

_SIGHT_M = 120.0
#: Beyond this distance a barrier is a plain strip [m].
_DETAIL_M = 40.0
_TAGS = {
    'wall': tags.WALL,
    'fence': tags.FENCE,
    'hedge': tags.VEGETATION,
    'rail': tags.GUARD_RAIL,
}


def _parts(kind: str) -> FloatArray:
    """Return a kind's strips [k, 5]: from and to along it, from and to in height, tone."""
    parts = [(0.0, 1.0, 0.0, 1.0, 1.0)]
    if kind == 'wall':
        parts += [(0.0, 1.0, 0.0, 0.12, 0.8), (0.0, 1.0, 0.92, 1.0, 1.12)]
        parts += [(i / 3, i / 3 + 0.03, 0.0, 0.95, 0.9) for i in range(3)]
    elif kind == 'fence':
        parts += [(i / 20, (i + 0.3) / 20, 0.0, 0.9, 0.76) for i in range(20)]
        parts += [(0.0, 1.0, 0.9, 1.0, 1.1)]
    elif kind == 'hedge':
        parts += [(0.0, 1.0, 0.85, 1.0, 1.3)]
        for i in range(36):
            along, up = (i * 0.618) % 0.95, (i * 0.377) % 0.8
            parts.append((along, along + 0.07, up, up + 0.16, 0.78 + 0.06 * (i * 5 % 9)))
    else:
        parts += [(0.0, 1.0, 0.0, 0.35, 0.45), (0.0, 1.0, 0.62, 0.7, 0.7)]
    return np.array(parts)


_PARTS = [_parts(kind) for kind in BARRIER_KINDS]


class BarrierPainter:
    """
    Draws a town's walls, fences, hedges and guard rails.

    Parameters
    ----------
    town : Town
        What there is.
    shading : Shading
        The light.

    """

    def __init__(self, town: Town, shading: Shading) -> None:
        self._barriers = barriers = town.frontage.barriers
        along = barriers.ends_m[:, 1] - barriers.ends_m[:, 0]
        normal = np.stack([along[:, 1], -along[:, 0], 0 * along[:, 0]], axis=-1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        self._normal = normal
        self._colors = tuple(
            barriers.color_bgr * shading.weather.gain(sign * normal) for sign in (-1.0, 1.0)
        )

    def collect(self, stage: Stage) -> None:
        """Put the barriers in sight on the stage."""
        barriers = self._barriers
        first, last = np.searchsorted(
            barriers.station_m, [stage.station_m - BEHIND_M, stage.station_m + _SIGHT_M]
        )
        near = slice(int(first), int(last))
        view = stage.view
        ends = barriers.ends_m[near]
        camera_m = view.to_camera(ends)
        depth = camera_m[..., 2]
        # Both ends beyond the same border of the picture: not seen.
        slope = view.camera.size.width / 2 / view.camera.focal_px
        beyond = camera_m[..., 0] / slope
        shown = depth.max(axis=1) > NEAR_M
        shown &= ~((beyond > depth).all(axis=1) | (-beyond > depth).all(axis=1))
        front = np.einsum('ni,ni->n', view.position_m - ends[:, 0], self._normal[near]) > 0
        colors = np.where(front[:, None], self._colors[1][near], self._colors[0][near])
        self._put(stage, np.flatnonzero(shown) + near.start, colors[shown], depth[shown])

    def _put(
        self, stage: Stage, numbers: npt.NDArray[np.intp], colors: FloatArray, depth: FloatArray
    ) -> None:
        barriers = self._barriers
        for number, color, ends_depth in zip(numbers.tolist(), colors, depth, strict=True):
            middle_m = max(float(ends_depth.mean()), NEAR_M)
            kind = int(barriers.kind[number])
            parts = _PARTS[kind][: None if middle_m < _DETAIL_M else 1]
            start, end = barriers.ends_m[number]
            points = np.empty((len(parts), 4, 3))
            points[:] = start + parts[:, [0, 1, 1, 0], None] * (end - start)
            points[..., 2] = parts[:, [2, 2, 3, 3]] * barriers.height_m[number]
            paint = Paint(parts[:, 4:] * color, _TAGS[BARRIER_KINDS[kind]])
            stage.add_polygons(middle_m, points.reshape(-1, 3), [4] * len(parts), paint)
