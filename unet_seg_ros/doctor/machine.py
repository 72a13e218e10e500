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
    is_fast_dds,
    num_to_start,
    segment_bytes,
)


def check_machine(values: Mapping[str, Any], is_running: bool = False) -> Iterator[Finding]:
    """
    Look at all that a node with some parameters needs of this machine.

    Parameters
    ----------
    values : mapping
        The node's parameters by name; those that are missing have their defaults.
    is_running : bool
        Whether the node runs already.

    """
    yield from _check_shared_memory(is_running)
    model, cache = (_path(values, name) for name in ('model', 'engine_cache'))
    wish = Wish(
        model=model or shared_file('models', DEFAULT_MODEL),
        backend=str(values.get('backend', 'auto')),
        options=EngineOptions(
            precision=str(values.get('precision', 'auto')),
            num_threads=_whole_number(values, 'num_threads'),
            gpu=_whole_number(values, 'gpu'),
            cache=cache,
        ),
    )
    readable = check_model(wish.model)
    yield readable
    yield check_gpu(wish)
    if readable.level is Level.OK:
        yield from check_engines(wish)
    yield from check_cache(cache)


# A value of another type is for ROS to refuse, in its own words.
def _path(values: Mapping[str, Any], name: str) -> Path | None:
    value = values.get(name)
    return expanded(value) if value and isinstance(value, str) else None


def expanded(path: str) -> Path:
    """Return a path of a parameter as the node takes it."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is none


def _whole_number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else 0


def _check_shared_memory(is_running: bool) -> Iterator[Finding]:
    if not FOLDER.is_dir() or not is_fast_dds(os.environ):
        return
    room, segments = os.statvfs(FOLDER), find_segments()
    total_bytes, free_bytes = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
    needed_bytes = segment_bytes(shared_file('config', 'fastdds_profile.xml').read_text())
    # What this process takes is free again when it has ended.
    own_bytes = sum(s.num_bytes for s in segments if s.owner == os.getpid())
    others = [s for s in segments if s.owner != os.getpid()]
    num_more = num_to_start(others, needed_bytes, is_running)
    yield check_space(total_bytes, free_bytes + own_bytes, needed_bytes, num_more)
    yield check_leftovers(segments, total_bytes)
