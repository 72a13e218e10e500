"""Trees, signs and street furniture as flat pictures; street lamps; people."""

from __future__ import annotations

import numpy as np

from unet_seg_ros.scenes import tags
from unet_seg_ros.scenes.camera import FloatArray
from unet_seg_ros.scenes.polygons import Ink
from unet_seg_ros.scenes.shadows import of_uprights
from unet_seg_ros.scenes.sprites import Sprite
from unet_seg_ros.scenes.stage import Shading, Stage
from unet_seg_ros.scenes.street import BEHIND_M, PERIOD_M, SIGHT_M
from unet_seg_ros.scenes.textures import bgr
from unet_seg_ros.scenes.town import STEP_PHASES, Town

_NEAREST_M = 0.8
#: A lamp's parts: diameter [m].
_LAMP_PARTS_M = (0.16, 0.1, 0.2)
_PEOPLE_SIGHT_M = 110.0


class SpritePainter:
    """
    Draws flat pictures that face the camera.

    Parameters
    ----------
    town : Town
        Where the pictures come from.
    shading : Shading
        The light.

    """

    def __init__(self, town: Town, shading: Shading) -> None:
        self._pictures = town.pictures
        self._shading = shading
        self._gain = shading.weather.gain(np.array([0.52, 0.31, 0.79]))

    def collect(
        self, stage: Stage, places_m: FloatArray, keys: list[tuple[str, int]], scale: FloatArray
    ) -> None:
        """Put pictures on the stage: feet [n, 3], kind and variant of each, scales [n]."""
        if not keys:
            return
        view = stage.view
        feet = view.to_camera(places_m)
        depth = feet[:, 2]
        safe = np.concatenate([feet[:, :2], np.maximum(depth, _NEAREST_M)[:, None]], axis=1)
        pixels = view.to_pixels(safe)
        px_per_m = view.camera.focal_px / safe[:, 2] * scale
        sprites = [self._pictures[key] for key in keys]
        width = np.array([sprite.width_m for sprite in sprites]) * px_per_m
        height = np.array([sprite.height_m for sprite in sprites]) * px_per_m
        shown = (depth > _NEAREST_M) & (height > 2.5)
        shown &= pixels[:, 0] + width / 2 > 0
        shown &= pixels[:, 0] - width / 2 < view.camera.size.width
        shown &= pixels[:, 1] > 0
        steps = self._shading.haze_steps(depth)
        for index in np.flatnonzero(shown).tolist():
            size = float(width[index]), float(height[index])
            column, row = pixels[index].tolist()
            span = column - size[0] / 2, column + size[0] / 2
            if stage.cover.hides(*span, row - size[1], depth[index]):
                continue
            call = (stage, sprites[index], keys[index], pixels[index], size, steps[index])
            stage.add(float(depth[index]), self._put, *call)

    def _put(
        self,
        stage: Stage,
        sprite: Sprite,
        key: tuple[str, int],
        foot_px: FloatArray,
        size_px: tuple[float, float],
        step: int,
    ) -> None:
        finer = sprite.outlines[0].shape[0] / size_px[1]
        level = min(max(round(float(np.log2(finer))), 0), len(sprite.levels) - 1)
        lit = self._shading.picture((*key, level), sprite.levels[level], self._gain, step)
        stage.canvas.billboard(foot_px, size_px, lit.pixels, sprite.outlines[level])


def _thick_lines(stage: Stage, camera_m: FloatArray) -> FloatArray:
    """Return the quads [n, 3, 4, 2] of lamps, of whose joints [n, 4, 3] all are in front."""
    pixels = stage.view.to_pixels(camera_m)
    along = np.diff(pixels, axis=1)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    across /= np.hypot(along[..., 0], along[..., 1])[..., None] + 1e-9
    width_px = np.array(_LAMP_PARTS_M) * stage.view.camera.focal_px / camera_m[:, :3, 2]
    side = across * (width_px / 2)[..., None]
    first, second = pixels[:, :-1], pixels[:, 1:]
    return np.stack([first + side, first - side, second - side, second + side], axis=2)


class StandPainter:
    """
    Draws what stands along the street, and those who walk there.

    Parameters
    ----------
    town : Town
        What there is.
    shading : Shading
        The light.
    sprites : SpritePainter
        Who draws the pictures.

    """

    def __init__(self, town: Town, shading: Shading, sprites: SpritePainter) -> None:
        self._town = town
        self._shading = shading
        self._sprites = sprites
        gain = shading.weather.gain(np.array([0.52, 0.31, 0.79]))
        self._lamp_color = bgr(town.frontage.lamps.color) * gain
        self._light_color = np.array([150.0, 165.0, 170.0]) * gain
        if shading.weather.lamps:
            self._light_color = np.array([200.0, 240.0, 255.0])

    def collect(self, stage: Stage, time_s: float) -> list[FloatArray]:
        """Put all in sight on the stage; return the shadows of those who walk."""
        stands = self._town.frontage.stands
        first, last = np.searchsorted(
            stands.station_m, [stage.station_m - BEHIND_M, stage.station_m + SIGHT_M]
        )
        near = slice(int(first), int(last))
        self._sprites.collect(
            stage, stands.place_m[near], stands.picture[near], stands.scale[near]
        )
        self._collect_lamps(stage)
        return self._collect_people(stage, time_s)

    def _collect_lamps(self, stage: Stage) -> None:
        lamps = self._town.frontage.lamps
        first, last = np.searchsorted(
            lamps.station_m, [stage.station_m - BEHIND_M, stage.station_m + SIGHT_M]
        )
        foot, arm = lamps.place_m[first:last], lamps.arm[first:last]
        top = foot + np.array([0.0, 0.0, lamps.height_m])
        joint = top + 1.8 * arm + np.array([0.0, 0.0, 0.15])
        camera_m = stage.view.to_camera(np.stack([foot, top, joint, joint + 0.6 * arm], axis=1))
        camera_m = camera_m[camera_m[..., 2].min(axis=1) > _NEAREST_M]
        if not len(camera_m):
            return
        quads = _thick_lines(stage, camera_m)
        depth = camera_m[:, :3, 2]
        colors = np.stack([self._lamp_color, self._lamp_color, self._light_color])
        inks = self._shading.inks(np.tile(colors, (len(depth), 1)), depth.ravel(), tags.POLE)
        for index, depth_m in enumerate(depth[:, 0].tolist()):
            part = slice(3 * index, 3 * index + 3)
            stage.add(depth_m, self._put_lamp, stage, quads[index], inks[part])

    @staticmethod
    def _put_lamp(stage: Stage, quads: FloatArray, inks: list[Ink]) -> None:
        for quad, ink in zip(quads, inks, strict=True):
            stage.canvas.fill(quad, ink)

    def _collect_people(self, stage: Stage, time_s: float) -> list[FloatArray]:
        places, keys = [], []
        for number, walker in enumerate(self._town.frontage.walkers):
            ahead_m = (walker.station_m - stage.station_m + BEHIND_M) % PERIOD_M - BEHIND_M
            if ahead_m > _PEOPLE_SIGHT_M:
                continue
            # People stroll to and fro about their own place, so that any moment can be drawn.
            phase = (walker.speed_m_s * time_s + 7.0 * number) / 12.0
            to_and_fro = 6.0 * np.sin(phase)
            places.append((stage.station_m + ahead_m + to_and_fro, walker.offset_m))
            step = int(time_s * 1.8 * STEP_PHASES + number) % STEP_PHASES
            keys.append((f'person{step}', walker.variant))
        if not places:
            return []
        s_m, d_m = np.array(places).T
        height = np.array(self._town.street.kerb_height_m)
        feet = self._town.street.centerline.points(s_m, d_m, height)
        self._sprites.collect(stage, feet, keys, np.ones(len(keys)))
        if not self._shading.weather.shadows:
            return []
        count = len(feet)
        return list(
            of_uprights(feet, np.full(count, 0.4), np.full(count, 1.75), self._shading.weather)
        )
