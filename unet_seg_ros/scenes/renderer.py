"""Putting a picture together: sky, ground, then everything that stands, from far to near."""

from __future__ import annotations

import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.barriers import BarrierPainter
from unet_seg_ros.scenes.camera import FloatArray, View
from unet_seg_ros.scenes.canvas import Canvas
from unet_seg_ros.scenes.frontage import Vehicle
from unet_seg_ros.scenes.ground import GroundPainter
from unet_seg_ros.scenes.houses import HousePainter
from unet_seg_ros.scenes.movers import VehiclePainter
from unet_seg_ros.scenes.shadows import cast_shadows
from unet_seg_ros.scenes.sky import Sky
from unet_seg_ros.scenes.stage import Shading, Stage
from unet_seg_ros.scenes.stands import SpritePainter, StandPainter
from unet_seg_ros.scenes.street import BEHIND_M
from unet_seg_ros.scenes.town import Town
from unet_seg_ros.scenes.weather import Weather
from unet_seg_ros.scenes.wet import reflect

#: Shadows of what stands farther ahead than this are too flat to be seen [m].
_SHADOW_SIGHT_M = 80.0
_SHADOW_BEHIND_M = BEHIND_M + 20.0


class Renderer:
    """
    Draws a town in one weather.

    Parameters
    ----------
    town : Town
        What there is.
    weather : Weather
        Light and air.
    inks : ndarray
        float64 [materials, 4], the ground's colours.
    rng : numpy.random.Generator
        Where clouds and silhouettes come from.

    """

    def __init__(
        self, town: Town, weather: Weather, inks: FloatArray, rng: np.random.Generator
    ) -> None:
        shading = Shading(weather)
        sprites = SpritePainter(town, shading)
        self._shading = shading
        self._sky = Sky(weather, urban=min(0.85, town.layout.floors[1] / 14.0), rng=rng)
        self._ground = GroundPainter(town, weather, inks)
        self._shadows = cast_shadows(town, weather)
        self._houses = HousePainter(town, shading)
        self._barriers = BarrierPainter(town, shading)
        self._stands = StandPainter(town, shading, sprites)
        self._vehicles = VehiclePainter(town, shading, sprites)

    def render(
        self, view: View, station_m: float, time_s: float, moving: list[Vehicle]
    ) -> ByteArray:
        """
        Return a picture without the sensor's flaws.

        Parameters
        ----------
        view : View
            The camera.
        station_m : float
            Where along the street it is, 0 to `street.PERIOD_M`.
        time_s : float
            For those who walk.
        moving : list of Vehicle
            The traffic.

        Returns
        -------
        ndarray
            uint8 [H, W, 4], BGR and tag.

        """
        canvas = Canvas(view)
        stage = Stage(canvas, self._shading, station_m)
        self._houses.collect(stage)
        self._barriers.collect(stage)
        dark = self._stands.collect(stage, time_s)
        dark += self._vehicles.collect(stage, moving)
        points, lengths = self._shadows.near(
            station_m - _SHADOW_BEHIND_M, station_m + _SHADOW_SIGHT_M
        )
        if self._shading.weather.lamps:
            dark = []
        lengths += [len(polygon) for polygon in dark]
        self._sky.paint(canvas)
        self._ground.paint(canvas, station_m, (np.concatenate([points, *dark]), lengths))
        stage.draw()
        if self._shading.weather.wetness:
            reflect(canvas, self._shading.weather.wetness)
        self._sky.glare(canvas)
        return canvas.pixels
