"""Which drives are recorded: towns, weathers, seeds, and the tags that the server draws."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from unet_seg_ros.core.errors import ConfigurationError

#: The word that stands for any preset.
RANDOM = 'random'


@dataclass(frozen=True, kw_only=True)
class DrivePlan:
    """One drive: a town, a weather preset, and the seed of traffic and start."""

    town: str
    weather: str
    seed: int


def tag_count(version: str) -> int:
    """
    Return the number of tags of a CARLA server: a key of ``CARLA_TAGS``.

    Raises
    ------
    ConfigurationError
        If the version names no release, as that of a build from source may.

    """
    match = re.match(r'(\d+)\.(\d+)(?:\.(\d+))?', version)
    if match is None:
        raise ConfigurationError(
            f'the server calls its version {version!r}, so its tag table is not known; '
            'record from a release of CARLA, such as 0.9.15'
        )
    release = tuple(int(part or 0) for part in match.groups())
    if release < (0, 9, 10):
        return 13
    return 23 if release < (0, 9, 14) else 29


def map_name(path: str) -> str:
    """Return a map's own name: Town01 of /Game/Carla/Maps/Town01."""
    return path.rsplit('/', 1)[-1]


def choose_towns(asked: Sequence[str], available: Sequence[str], current: str) -> tuple[str, ...]:
    """
    Return the towns to drive through.

    Parameters
    ----------
    asked : sequence of str
        Names of maps; empty for the current one.
    available : sequence of str
        Paths, as ``client.get_available_maps()`` gives them.
    current : str
        Name or path of the map that the server has loaded.

    Raises
    ------
    ConfigurationError
        If the server lacks a town; the message lists those that it has.

    """
    names = sorted({map_name(path) for path in available})
    for town in asked:
        if town not in names:
            raise ConfigurationError(f'no town {town!r} on the server; it has {", ".join(names)}')
    return tuple(dict.fromkeys(asked)) or (map_name(current),)


def check_weathers(asked: Sequence[str], presets: Sequence[str]) -> None:
    """
    Check that each weather is a preset or 'random'.

    Raises
    ------
    ConfigurationError
        If one is not; the message lists those that can be had.

    """
    for weather in asked:
        if weather != RANDOM and weather not in presets:
            raise ConfigurationError(
                f'no weather {weather!r}; there are {RANDOM}, {", ".join(sorted(presets))}'
            )


def schedule(
    towns: Sequence[str], weathers: Sequence[str], presets: Sequence[str], first_seed: int
) -> list[DrivePlan]:
    """Return the drives, town by town since loading one takes long, a seed of its own each."""
    pairs = [(town, weather) for town in towns for weather in weathers]
    return [
        DrivePlan(town=town, weather=_preset(weather, presets, seed), seed=seed)
        for seed, (town, weather) in enumerate(pairs, first_seed)
    ]


def _preset(weather: str, presets: Sequence[str], seed: int) -> str:
    return random.Random(seed).choice(sorted(presets)) if weather == RANDOM else weather
