"""Readies a process for camera images over DDS; call `prepare` before ``rclpy.init``."""

from __future__ import annotations

import ctypes
import os
from importlib.metadata import version
from pathlib import Path

from unet_seg_ros.core.resources import shared_file

# rclpy's major version in Kilted. Its Fast DDS warns of the older variable in every process; that
# of Jazzy does not know the newer one.
_KILTED = 9

#: Fast DDS's own choice of transports, which any profile with transports would override.
_TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'

# glibc's mallopt: M_MMAP_THRESHOLD (32 MB is its upper bound) and M_TRIM_THRESHOLD. Image buffers
# of megabytes then stay in the heap instead of being mapped and unmapped at every frame.
_MALLOPT = ((-3, 32 << 20), (-1, 512 << 20))


def prepare() -> str | None:
    """
    Give this process a shared-memory segment that holds camera images, and a calmer heap.

    The user's own choice is kept: with a Fast DDS profile set, or another RMW, no profile is set.

    Returns
    -------
    str or None
        One line to log if the user's choice was kept, else None.

    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, 'mallopt'):
        for option, num_bytes in _MALLOPT:
            libc.mallopt(option, num_bytes)
    rmw = os.environ.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp'
    if not rmw.startswith('rmw_fastrtps'):
        return f'{rmw} is in use: shared memory for images is left to its own configuration'
    if os.environ.get(_TRANSPORTS_VARIABLE):
        return f'{_TRANSPORTS_VARIABLE} is set: its transports are kept'
    profile = shared_file('config', 'fastdds_profile.xml')
    variable = profile_variable()
    chosen = Path(os.environ.get(variable) or profile)
    # Another installed copy is ours too.
    if not chosen.is_file() or chosen.read_bytes() != profile.read_bytes():
        return f'{variable} is set to {chosen}: that Fast DDS profile is kept'
    os.environ[variable] = str(chosen)
    return None


def profile_variable() -> str:
    """Return the environment variable in which this ROS's Fast DDS looks for a profile."""
    is_kilted = int(version('rclpy').split('.')[0]) >= _KILTED
    return 'FASTDDS_DEFAULT_PROFILES_FILE' if is_kilted else 'FASTRTPS_DEFAULT_PROFILES_FILE'
