"""Houses: four walls with pictures on them, and a roof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.canvas import LitPicture
from unet_seg_ros.scenes.polygons import NEAR_M, clip_near
from unet_seg_ros.scenes.stage import Paint, Shading, Stage
from unet_seg_ros.scenes.street import BEHIND_M, SIGHT_M
from unet_seg_ros.scenes.textures import bgr
from unet_seg_ros.scenes.town import Town

IndexArray = npt.NDArray[np.intp]

_GAIN_STEPS = 16
_ROOF_SLOPE = 0.32
#: Pictures are taken this part of a level coarser than they are shown: softer, and faster.
_COARSER = 0.4


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9))


@dataclass(frozen=True)
class _Wall:
    """One visible wall: what `Canvas.wall` asks for."""

    outline_px: FloatArray
    to_image: FloatArray
    picture: LitPicture


class HousePainter:
    """
    Draws a town's houses.

    Parameters
    ----------
    town : Town
        What there is.
    shading : Shading
        The light.

    """

    def __init__(self, town: Town, shading: Shading) -> None:
        self._shading = shading
        self._facades = town.facades
        houses = town.frontage.houses
        self._station_m = houses.station_m
        self._facade = houses.facade
        self._feet = houses.corners_m
        self._along = np.roll(self._feet, -1, axis=1) - self._feet
        self._length = np.linalg.norm(self._along, axis=-1)
        self._outward = _unit(
            np.stack([self._along[..., 1], -self._along[..., 0], 0 * self._length], axis=-1)
        )
        gain = shading.weather.gain(self._outward)
        self._gain = np.rint(gain * _GAIN_STEPS) / _GAIN_STEPS
        heights = np.array([facade.height_m for facade in town.facades])
        self._height = heights[self._facade] * houses.stretch
        self._offered = np.array([f.levels[0].shape[1] / f.width_m for f in town.facades])
        self._pitched = np.array([facade.pitched for facade in town.facades])[self._facade]
        self._roofs = _roofs(self._feet, self._height)
        normal = np.cross(
            self._roofs[:, :, 1] - self._roofs[:, :, 0],
            self._roofs[:, :, 3] - self._roofs[:, :, 0],
        )
        self._roof_normal = _unit(normal)
        colors = np.array([bgr(facade.roof) for facade in town.facades])[self._facade]
        self._roof_color = colors[:, None] * shading.weather.gain(self._roof_normal)

    def collect(self, stage: Stage) -> None:
        """Put the houses in sight on the stage."""
        first, last = np.searchsorted(
            self._station_m, [stage.station_m - BEHIND_M - 8.0, stage.station_m + SIGHT_M]
        )
        view = stage.view
        near = slice(int(first), int(last))
        feet = self._feet[near]
        depth = view.to_camera(feet)[..., 2]
        farthest = depth.max(axis=1)
        facing = np.einsum('nwi,nwi->nw', view.position_m - feet, self._outward[near]) > 0.05
        facing &= np.maximum(depth, np.roll(depth, -1, axis=1)) > NEAR_M
        house, side = np.nonzero(facing)
        order = np.argsort(farthest[house], kind='stable')
        grouped: dict[int, list[_Wall]] = {}
        for index, wall in self._walls(stage, house[order] + near.start, side[order]):
            grouped.setdefault(index - near.start, []).append(wall)
        for index, walls in grouped.items():
            stage.add(float(farthest[index]), self._put, stage, walls)
        self._collect_roofs(stage, near, farthest)

    @staticmethod
    def _put(stage: Stage, walls: list[_Wall]) -> None:
        for wall in walls:
            stage.canvas.wall(wall.outline_px, wall.to_image, wall.picture)

    def _walls(
        self, stage: Stage, house: IndexArray, side: IndexArray
    ) -> Iterator[tuple[int, _Wall]]:
        """Yield the houses and walls that are seen; the nearest come first."""
        view = stage.view
        foot, along = self._feet[house, side], self._along[house, side]
        height = self._height[house]
        top = foot.copy()
        top[:, 2] = height
        corners = view.to_camera(np.stack([foot, foot + along, top + along, top], axis=1))
        depth = corners[..., 2]
        nearest = depth.min(axis=1)
        safe = corners.copy()
        safe[..., 2] = np.maximum(depth, NEAR_M)
        pixels = view.to_pixels(safe)
        columns = pixels[..., 0]
        left, right = columns.min(axis=1), columns.max(axis=1)
        outside = (right < 0) | (left > view.camera.size.width) | (right - left < 0.5)
        wanted = view.camera.focal_px / np.maximum(nearest, 1.0)
        finer = np.maximum(self._offered[self._facade[house]] / wanted, 1.0)
        level = np.rint(np.log2(finer) + _COARSER).astype(int).tolist()
        steps = self._shading.haze_steps(np.maximum(depth.mean(axis=1), 1.0))
        to_image = np.empty((len(house), 3, 3))
        to_image[..., 0] = along @ view.world_to_image.T
        to_image[..., 1] = -view.world_to_image[:, 2] * height[:, None]
        to_image[..., 2] = (top - view.position_m) @ view.world_to_image.T
        summit = pixels[:, 2:, 1].max(axis=1)
        for index in range(len(house)):
            if nearest[index] <= NEAR_M:
                outline = view.to_pixels(clip_near(corners[index]))
            elif outside[index]:
                continue
            else:
                span = float(left[index]), float(right[index])
                if stage.cover.hides(*span, float(pixels[index, 2:, 1].min()), nearest[index]):
                    continue
                stage.cover.add(*span, float(summit[index]), float(depth[index].max()))
                outline = pixels[index]
            number = int(house[index]), int(side[index])
            picture = self._picture(number, level[index], steps[index])
            rows, width = picture.pixels.shape[:2]
            scale = np.array([1.0 / (width - 1), 1.0 / (rows - 1), 1.0])
            yield number[0], _Wall(outline, to_image[index] * scale, picture)

    def _picture(self, wall: tuple[int, int], level: int, step: int) -> LitPicture:
        """Return the lit picture of a house's wall, cut to the wall's length."""
        number = int(self._facade[wall[0]])
        facade = self._facades[number]
        level = min(level, len(facade.levels) - 1)
        gain = self._gain[wall]
        key = ('facade', number, level, float(gain[1]))
        lit = self._shading.picture(key, facade.levels[level], gain, step)
        share = min(1.0, float(self._length[wall]) / facade.width_m)
        return LitPicture(lit.pixels[:, : max(2, round(lit.pixels.shape[1] * share))], lit.mean)

    def _collect_roofs(self, stage: Stage, near: slice, farthest: FloatArray) -> None:
        faces = self._roofs[near]
        offset = stage.view.position_m - faces[:, :, 0]
        shown = np.einsum('nfi,nfi->nf', offset, self._roof_normal[near]) > 0
        shown &= self._pitched[near, None] & (farthest[:, None] > NEAR_M)
        for index in np.flatnonzero(shown.any(axis=1)).tolist():
            some = shown[index]
            paint = Paint(self._roof_color[near.start + index, some], tags.BUILDING)
            points = faces[index, some].reshape(-1, 3)
            # A hair nearer than its own walls: drawn just after them.
            depth_m = float(farthest[index]) - 1e-3
            stage.add_polygons(depth_m, points, [4] * len(paint.colors_bgr), paint)


def _roofs(feet: FloatArray, height_m: FloatArray) -> FloatArray:
    """Return the faces [n, 4, 4, 3] of pitched roofs with the ridge along the front."""
    eaves = feet.copy()
    eaves[..., 2] = height_m[:, None] - 0.2
    centre = feet.mean(axis=1, keepdims=True)
    eaves[..., :2] = centre[..., :2] + (eaves - centre)[..., :2] * 1.06
    rise = _ROOF_SLOPE * np.linalg.norm(eaves[:, 2] - eaves[:, 1], axis=-1)
    left, right = (eaves[:, 0] + eaves[:, 3]) / 2, (eaves[:, 1] + eaves[:, 2]) / 2
    left[:, 2] += rise
    right[:, 2] += rise
    corners = [eaves[:, index] for index in range(4)]
    faces = (
        (corners[0], corners[1], right, left),
        (corners[2], corners[3], left, right),
        (corners[1], corners[2], right, right),
        (corners[3], corners[0], left, left),
    )
    return np.stack([np.stack(face, axis=1) for face in faces], axis=1)
