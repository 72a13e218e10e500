"""What can be looked at without ROS: model, engines, GPU, shared memory, disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.finding import Finding, Level
from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file
from unet_seg_ros.doctor.cache import check_cache
from unet_seg_ros.doctor.engines import Wish, check_engines, check_gpu
from unet_seg_ros.doctor.model import check_model
from unet_seg_ros.doctor.shared_memory import (
    FOLDER,
    check_leftovers,
    check_space,
    find_segments,
    segment_bytes,
)


def check_machine(values: Mapping[str, Any]) -> Iterator[Finding]:
    """
    Look at all that a node with some parameters needs of this machine.

    Parameters
    ----------
    values : mapping
        The node's parameters by name; those that are missing have their defaults.

    """
    yield from _check_shared_memory()
    cache = Path(values['engine_cache']) if values.get('engine_cache') else None
    wish = Wish(
        model=Path(values.get('model') or shared_file('models', DEFAULT_MODEL)),
        backend=str(values.get('backend', 'auto')),
        options=EngineOptions(
            precision=str(values.get('precision', 'auto')),
            num_threads=_whole_number(values, 'num_threads'),
            gpu=_whole_number(values, 'gpu'),
            cache=cache,
        ),
    )
    model = check_model(wish.model)
    yield model
    yield check_gpu(wish)
    if model.level is Level.OK:
        yield from check_engines(wish)
    yield from check_cache(cache)


def _whole_number(values: Mapping[str, Any], name: str) -> int:
    # A value of another type is for ROS to refuse, in its own words.
    value = values.get(name)
    return value if isinstance(value, int) else 0


def _check_shared_memory() -> Iterator[Finding]:
    if not FOLDER.is_dir():
        return
    room = os.statvfs(FOLDER)
    profile = shared_file('config', 'fastdds_profile.xml').read_text()
    needed = segment_bytes(profile)
    yield check_space(room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize, needed)
    yield check_leftovers(find_segments())
