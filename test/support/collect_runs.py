"""Runs of the recorder against the stand-in of CARLA, and the calls that they make."""

from __future__ import annotations

import json

from unet_seg_ros.collect.options import CollectOptions
from unet_seg_ros.collect.session import WARM_UP_TICKS, collect

BEGIN = ['world synchronous True, step 0.05, blind False', 'traffic synchronous True']
END = [
    'traffic synchronous False',
    'weather found',
    'world synchronous False, step None, blind True',
]
OWN = ['stop sensor.camera.semantic_segmentation', 'stop sensor.camera.rgb', 'destroy 3']
TRAFFIC = ['stop controller.ai.walker', 'destroy 4']
#: The first tick that is recorded: after two of the traffic, one of its steering, the warm-up.
FIRST = 101 + 3 + WARM_UP_TICKS


def run(options: CollectOptions) -> list[str]:
    """Record, and return what was told."""
    lines: list[str] = []
    collect(options, lines.append)
    return lines


def drive_calls(seed: int, weather: str = 'ClearNoon') -> list[str]:
    start = [f'weather {weather}', f'seed {seed}', 'start walker', 'autopilot True 8000']
    return [*start, *OWN, *TRAFFIC]


def drives_of(options: CollectOptions) -> list[dict]:
    return json.loads((options.output / 'recording.json').read_text())['drives']


def server_dies() -> None:
    raise RuntimeError('time-out of 50ms\nwhile waiting for the simulator')
