"""The two ways to get pictures: a drive as a video, and single stills at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.camera import PinholeCamera, View
from unet_seg_ros.scenes.renderer import Renderer
from unet_seg_ros.scenes.sensor import Sensor
from unet_seg_ros.scenes.street import PERIOD_M, Street, draw
from unet_seg_ros.scenes.surface import draw_inks
from unet_seg_ros.scenes.town import generator, town
from unet_seg_ros.scenes.traffic import Traffic
from unet_seg_ros.scenes.weather import draw_weather

#: Towns per layout from which stills are taken; they stay in memory once built.
STILL_TOWNS = 6


@dataclass(frozen=True)
class Frame:
    """
    A picture and its truth.

    Attributes
    ----------
    image : ndarray
        uint8 [H, W, 3] in BGR.
    tags : ndarray
        uint8 [H, W], CARLA's tags of 0.9.14 and later.
    """

    image: ByteArray
    tags: ByteArray


class Drive:
    """
    A drive along a street: consecutive frames form a video.

    Each frame depends on layout, seed, camera and index alone, so any of them can be asked for
    in any order and comes out with the same bytes.

    Parameters
    ----------
    layout : str
        A name of `TRAINING_LAYOUTS` or `HELD_OUT_LAYOUTS`.
    seed : int
        Town, weather, traffic and place of departure; not negative.
    camera : PinholeCamera
        The camera on the vehicle.
    speed_m_s : float
        The vehicle's speed.
    rate_hz : float
        Frames per second.

    Raises
    ------
    ConfigurationError
        If there is no such layout.

    """

    def __init__(
        self,
        layout: str,
        seed: int,
        camera: PinholeCamera,
        speed_m_s: float = 9.0,
        rate_hz: float = 20.0,
    ) -> None:
        self.camera = camera
        self._speed_m_s = speed_m_s
        self._rate_hz = rate_hz
        self._town = town(layout, seed)
        rng = generator('drive', layout, seed)
        street = self._town.street
        lane = -int(rng.integers(1, street.lanes + 1))
        self._offset_m = street.lane_offset_m(lane)
        density = draw(rng, self._town.layout.traffic)
        self._traffic = Traffic(street, density, (lane, speed_m_s), rng)
        self._start_m = float(rng.uniform(0.0, PERIOD_M))
        self._sway = rng.uniform(0.0, 2 * np.pi, 4)
        inks = draw_inks(rng, self._town.layout)
        weather = draw_weather(rng)
        self._renderer = Renderer(self._town, weather, inks, rng)
        self._sensor = Sensor(camera.size, weather.wetness, rng)

    def station_m(self, index: int) -> float:
        """Return where along the street the camera is in a frame, 0 to `street.PERIOD_M`."""
        return (self._start_m + index / self._rate_hz * self._speed_m_s) % PERIOD_M

    def frame(self, index: int) -> Frame:
        """
        Return one frame.

        Parameters
        ----------
        index : int
            From 0 on; there is no last one.

        Returns
        -------
        Frame
            Of the camera's size.

        """
        time_s = index / self._rate_hz
        station_m = self.station_m(index)
        phase = 2 * np.pi * time_s
        pitch_deg = 0.22 * np.sin(1.3 * phase + self._sway[0])
        pitch_deg += 0.12 * np.sin(0.47 * phase + self._sway[1])
        roll_deg = 0.25 * np.sin(0.7 * phase + self._sway[2])
        weave_m = 0.12 * np.sin(0.11 * phase + self._sway[3])
        pose = _Pose(self._offset_m + weave_m, 0.0, pitch_deg, roll_deg)
        view = _mount(self.camera, self._town.street, station_m, pose)
        moving = self._traffic.at(time_s, station_m)
        pixels = self._renderer.render(view, station_m, time_s, moving)
        return Frame(self._sensor.expose(pixels, index), _tags(pixels))


@dataclass(frozen=True)
class _Pose:
    """Where the vehicle is across the road, and how the camera leans beyond its mounting."""

    offset_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def _mount(camera: PinholeCamera, street: Street, station_m: float, pose: _Pose) -> View:
    line = street.centerline
    return View(
        camera=camera,
        position_m=line.point(station_m, pose.offset_m, camera.height_m),
        yaw_rad=float(line.heading(np.array(station_m))) + float(np.radians(pose.yaw_deg)),
        pitch_rad=float(np.radians(camera.pitch_deg + pose.pitch_deg)),
        roll_rad=float(np.radians(pose.roll_deg)),
    )


def _tags(pixels: ByteArray) -> ByteArray:
    return np.ascontiguousarray(pixels[..., 3])


def still(layout: str, seed: int, camera: PinholeCamera) -> Frame:
    """
    Return a picture from a random place in random weather, for training.

    Place, weather, daylight, ground colours, traffic and noise are drawn by lot, and so are
    deviations from the given camera: field of view, height, pitch, roll, heading and offset.

    Parameters
    ----------
    layout : str
        A name of `TRAINING_LAYOUTS` or `HELD_OUT_LAYOUTS`.
    seed : int
        Where all draws come from; not negative.
    camera : PinholeCamera
        The camera about which is varied; the picture has its size.

    Returns
    -------
    Frame
        Of the camera's size; the same arguments give the same bytes.

    Raises
    ------
    ConfigurationError
        If there is no such layout.

    """
    rng = generator('still', layout, seed)
    place = town(layout, int(rng.integers(STILL_TOWNS)))
    street = place.street
    lane = -int(rng.integers(1, street.lanes + 1)) if rng.random() < 0.85 else 0
    varied = replace(
        camera,
        horizontal_fov_deg=float(np.clip(camera.horizontal_fov_deg + rng.normal(0, 9), 55, 120)),
        height_m=float(np.clip(camera.height_m + rng.normal(0, 0.35), 1.0, 2.8)),
        pitch_deg=float(np.clip(camera.pitch_deg + rng.normal(0, 3.0), -15, 15)),
    )
    yaw_deg = rng.normal(0, 4.0) if rng.random() < 0.75 else rng.normal(0, 28.0)
    offset_m = street.lane_offset_m(lane) + rng.normal(0, 0.4)
    pose = _Pose(float(offset_m), float(yaw_deg), 0.0, float(rng.normal(0, 0.7)))
    station_m = float(rng.uniform(0, PERIOD_M))
    view = _mount(varied, street, station_m, pose)
    inks = draw_inks(rng, place.layout)
    weather = draw_weather(rng)
    renderer = Renderer(place, weather, inks, rng)
    density = draw(rng, place.layout.traffic)
    traffic = Traffic(street, density, (lane, 9.0), rng)
    time_s = float(rng.uniform(0, 600))
    pixels = renderer.render(view, station_m, time_s, traffic.at(time_s, station_m))
    return Frame(Sensor(camera.size, weather.wetness, rng).expose(pixels, seed), _tags(pixels))
