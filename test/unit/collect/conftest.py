"""
A stand-in of the module carla: it proves which calls we make and in which order.

It proves nothing of a server: what one draws, when it answers, how vehicles move.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unet_seg_ros.collect.options import CollectOptions, Mount
from unet_seg_ros.core.size import ImageSize

SIZE = ImageSize(height=4, width=6)
ROAD = 1


def sensor_image(frame: int, bgra: tuple[int, int, int, int]) -> SimpleNamespace:
    pixels = np.tile(np.array(bgra, np.uint8), (*SIZE, 1))
    return SimpleNamespace(
        frame=frame, width=SIZE.width, height=SIZE.height, raw_data=pixels.tobytes()
    )


class Weather:
    pass


for _name in ('Default', 'ClearNoon', 'WetNight'):
    setattr(Weather, _name, Weather())


class Blueprint:
    def __init__(self, kind: str) -> None:
        self.id = kind
        self.attributes: dict[str, str] = {}

    def set_attribute(self, name: str, value: str) -> None:
        self.attributes[name] = value


class Library:
    def filter(self, pattern: str) -> list[Blueprint]:
        return [] if 'tesla' in pattern else [Blueprint(pattern)]

    def find(self, kind: str) -> Blueprint:
        return Blueprint(kind)


class Actor:
    def __init__(self, carla: StandIn, blueprint: Blueprint, place: object) -> None:
        carla.last_id += 1
        self.id = carla.last_id
        self.kind = blueprint.id
        self.attributes = blueprint.attributes
        self.place = place
        self.callback = None
        self.carla = carla
        carla.actors[self.id] = self

    def listen(self, callback) -> None:
        self.callback = callback

    def stop(self) -> None:
        self.carla.log(f'stop {self.kind}')
        self.carla.at_stop()
        self.callback = None

    def set_autopilot(self, on: bool, port: int) -> None:
        self.carla.log(f'autopilot {on} {port}')

    def start(self) -> None:
        self.carla.log('start walker')

    def go_to_location(self, place: object) -> None:
        pass

    def set_max_speed(self, speed_m_s: float) -> None:
        pass

    def get_velocity(self) -> SimpleNamespace:
        return SimpleNamespace(x=self.carla.speed_m_s, y=0.0, z=0.0)


class Spawn:
    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def then(self, command: object) -> Spawn:
        return self


class StandIn:
    """Client, world, map and traffic manager in one, as each has few calls."""

    WeatherParameters = Weather
    command = SimpleNamespace(
        SpawnActor=Spawn,
        SetAutopilot=lambda *arguments: arguments,
        FutureActor=0,
        DestroyActor=lambda actor_id: actor_id,
    )

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.actors: dict[int, Actor] = {}
        self.last_id = 0
        self.frame = 100
        self.name = 'Carla/Maps/Town01'
        self.settings = SimpleNamespace(
            synchronous_mode=False, fixed_delta_seconds=None, no_rendering_mode=True
        )
        self.version = '0.9.15'
        self.speed_m_s = 5.0
        self.num_places = 4
        self.tag = ROAD
        self.lost: set[int] = set()
        self.at_frame = {}
        self.at_stop = lambda: None

    def log(self, call: str) -> None:
        self.calls.append(call)

    # The module
    def Client(self, host: str, port: int) -> StandIn:  # noqa: N802
        return self

    def Transform(self, *place: object) -> tuple:  # noqa: N802
        return place

    def Location(self, **axes: float) -> dict:  # noqa: N802
        return axes

    def Rotation(self, **angles: float) -> dict:  # noqa: N802
        return angles

    # The client
    def set_timeout(self, seconds: float) -> None:
        pass

    def get_client_version(self) -> str:
        return '0.9.16'

    def get_server_version(self) -> str:
        return self.version

    def get_available_maps(self) -> list[str]:
        return ['/Game/Carla/Maps/Town02', '/Game/Carla/Maps/Town01']

    def get_world(self) -> StandIn:
        return self

    def load_world(self, name: str) -> StandIn:
        self.log(f'load {name}')
        self.name = f'Carla/Maps/{name}'
        self.settings = SimpleNamespace(
            synchronous_mode=False, fixed_delta_seconds=None, no_rendering_mode=False
        )
        return self

    def get_trafficmanager(self, port: int) -> StandIn:
        return self

    def apply_batch_sync(self, commands: list, do_tick: bool) -> list[SimpleNamespace]:
        if not do_tick:
            self.log(f'destroy {len(commands)}')
            for actor_id in commands:
                del self.actors[actor_id]
            return []
        made = [Actor(self, *command.arguments[:2]) for command in commands]
        self.tick()
        return [SimpleNamespace(error='', actor_id=actor.id) for actor in made]

    # The traffic manager
    def set_synchronous_mode(self, on: bool) -> None:
        self.log(f'traffic synchronous {on}')

    def set_random_device_seed(self, seed: int) -> None:
        self.log(f'seed {seed}')

    # The world and its map
    def get_settings(self) -> SimpleNamespace:
        return SimpleNamespace(**vars(self.settings))

    def apply_settings(self, settings: SimpleNamespace) -> None:
        self.settings = settings
        self.log(
            f'world synchronous {settings.synchronous_mode}, step {settings.fixed_delta_seconds}, '
            f'blind {settings.no_rendering_mode}'
        )

    def get_weather(self) -> str:
        return 'found'

    def set_weather(self, weather: object) -> None:
        names = {value: name for name, value in vars(Weather).items() if name[:1].isupper()}
        self.log(f'weather {names.get(weather, weather)}')

    def set_pedestrians_seed(self, seed: int) -> None:
        pass

    def get_map(self) -> StandIn:
        return self

    def get_spawn_points(self) -> list[str]:
        return [f'place {n}' for n in range(self.num_places)]

    def get_random_location_from_navigation(self) -> str:
        return 'pavement'

    def get_blueprint_library(self) -> Library:
        return Library()

    def get_actors(self, actor_ids: list[int]) -> list[Actor]:
        return [self.actors[actor_id] for actor_id in actor_ids]

    def spawn_actor(self, blueprint: Blueprint, place: object, attach_to: Actor) -> Actor:
        return Actor(self, blueprint, place)

    def try_spawn_actor(self, blueprint: Blueprint, place: object) -> Actor | None:
        if place in [actor.place for actor in self.actors.values()]:
            return None
        return Actor(self, blueprint, place)

    def tick(self) -> int:
        self.frame += 1
        self.at_frame.get(self.frame, lambda: None)()
        cameras = [actor for actor in self.actors.values() if actor.callback]
        for camera in cameras:
            semantic = camera.kind.endswith('segmentation')
            if not (semantic and self.frame in self.lost):
                bgra = (0, 0, self.tag, 255) if semantic else (self.frame, 2, 3, 255)
                camera.callback(sensor_image(self.frame, bgra))
        return self.frame


@pytest.fixture
def carla(monkeypatch) -> StandIn:
    """Return the stand-in, in the place of the module."""
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, 'carla', stand_in)
    return stand_in


@pytest.fixture
def options(tmp_path) -> dict:
    """Return the arguments of a short run of one drive."""
    return {
        'host': 'localhost',
        'port': 2000,
        'timeout_s': 0.05,
        'tm_port': 8000,
        'towns': (),
        'weathers': ('ClearNoon',),
        'num_frames': 2,
        'every_ticks': 3,
        'num_vehicles': 2,
        'num_walkers': 1,
        'size': SIZE,
        'fov_deg': 90.0,
        'mount': Mount(2.0, 0.0, 2.0, -5.0),
        'seed': 7,
        'output': Path(tmp_path / 'out'),
        'append': False,
    }


@pytest.fixture
def image():
    """Return what makes an image of a sensor: of a frame, in one colour (BGRA)."""
    return sensor_image


@pytest.fixture
def make_options(options):
    """Return what makes the options with some changed."""
    return lambda **changes: CollectOptions(**{**options, **changes})
