"""Fast DDS's shared memory: whether images fit into it, and what dead processes left there."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from unet_seg_ros.core.errors import one_line
from unet_seg_ros.core.finding import Finding, fail, ok, skip, warn

FOLDER = Path('/dev/shm')
_LOCKS = Path('/proc/locks')

# A process's segment: fastrtps up to Jazzy, fastdds from Kilted on. Its lock has the same name
# with _el behind it and is held for as long as the process lives (Fast DDS,
# utils/shared_memory/RobustExclusiveLock.hpp).
_SEGMENT = re.compile(r'(fastrtps|fastdds)_[0-9a-f]{16}')
_LOCK = '_el'

_SUBJECT = 'shared memory'

# Where Fast DDS is told of a profile, or of its transports alone.
_PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
_TRANSPORTS = 'FASTDDS_BUILTIN_TRANSPORTS'

# With so large a segment no image of 1280x720 was lost; Fast DDS's own has half a megabyte.
_ENOUGH_BYTES = 8_000_000

# Of the folder's room; more may keep a process from its segment.
_HARMLESS_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Segment:
    """
    The shared memory into which one process writes what it publishes.

    Attributes
    ----------
    num_bytes : int
        Its size [B].
    is_left : bool
        Whether its process is gone.
    owner : int or None
        Its process's id; None where that cannot be told.

    """

    num_bytes: int
    is_left: bool
    owner: int | None


def find_segments(folder: Path = FOLDER, locks: Path = _LOCKS) -> list[Segment]:
    """Return the segments that lie in a folder; those of other users only if they may be read."""
    owners = _lock_owners(locks)
    found = []
    for path in folder.glob('fast*'):
        if not _SEGMENT.fullmatch(path.name):
            continue
        try:
            lock = os.open(path.with_name(path.name + _LOCK), os.O_RDONLY)
        except OSError:
            continue
        try:
            num_bytes, inode = path.stat().st_size, os.fstat(lock).st_ino
            found.append(Segment(num_bytes, not _is_held(lock), owners.get(inode)))
        except FileNotFoundError:
            continue  # Its process has just ended.
        finally:
            os.close(lock)
    return found


def _is_held(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _lock_owners(locks: Path) -> dict[int, int]:
    """Return process ids by the inodes that they hold, as far as this container shows them."""
    try:
        lines = locks.read_text().splitlines()
    except OSError:
        return {}
    # "1: FLOCK  ADVISORY  WRITE 10092 00:1b:176377 0 EOF"
    rows = [line.split() for line in lines if ' FLOCK ' in line and '->' not in line]
    return {int(row[5].rpartition(':')[2]): int(row[4]) for row in rows}


def segment_bytes(profile: str) -> int:
    """Return the segment size [B] that the text of a Fast DDS profile sets; 0 if it sets none."""
    found = re.search(r'<segment_size>\s*(\d+)\s*</segment_size>', profile)
    return int(found[1]) if found else 0


def check_profile(notice: str, own: Path, environ: Mapping[str, str]) -> Finding:
    """
    Tell who chooses the segment's size, and whether images fit.

    Parameters
    ----------
    notice : str
        What the node says if it keeps the user's own choice, else empty.
    own : Path
        The node's own profile.
    environ : mapping
        The environment's variables.

    """
    size = segment_bytes(own.read_text())
    if not notice:
        return ok(
            _SUBJECT,
            f"the node's own profile, {_mb(size)} for each process; publishers need it too",
        )
    if not is_fast_dds(environ):
        return skip(_SUBJECT, notice)
    chosen = [
        (name, environ[name]) for name in _PROFILES if environ.get(name, str(own)) != str(own)
    ]
    if _TRANSPORTS in environ or not chosen:
        return warn(_SUBJECT, notice, 'see that its shared memory holds several images')
    name, path = chosen[0]
    return _check_users_profile(name, path, f'unset {name}, or take the transports of {own}')


def _check_users_profile(variable: str, path: str, remedy: str) -> Finding:
    try:
        text = Path(path).read_text(encoding='utf-8')
        ElementTree.fromstring(text)
    except OSError as e:
        return fail(_SUBJECT, f'{variable}={path}: cannot be read: {e.strerror}', remedy)
    except (ElementTree.ParseError, UnicodeDecodeError) as e:
        return fail(_SUBJECT, f'{variable}={path}: is no XML: {one_line(e)}', remedy)
    size = segment_bytes(text)
    if size >= _ENOUGH_BYTES:
        return ok(_SUBJECT, f'{path}, {_mb(size)} for each process; publishers need it too')
    told = f'sets segment_size to {_mb(size)}' if size else 'sets no segment_size'
    return warn(_SUBJECT, f'{path} {told}: images may not fit', remedy)


def is_fast_dds(environ: Mapping[str, str]) -> bool:
    """Return whether the middleware is Fast DDS, as it is where nothing else is chosen."""
    return (environ.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp').startswith('rmw_fastrtps')


def num_to_start(segments: Iterable[Segment], needed_bytes: int, is_running: bool) -> int:
    """
    Return how many processes with images are still to start: the node and a camera's driver.

    Parameters
    ----------
    segments : iterable of Segment
        Those of other processes than this one.
    needed_bytes : int
        The least size of a segment for images [B].
    is_running : bool
        Whether the node runs already; else it is to start, however many drivers do run.

    """
    num_there = sum(not s.is_left and s.num_bytes >= needed_bytes for s in segments)
    return max(2 - num_there, 0 if is_running else 1)


def check_space(total_bytes: int, free_bytes: int, needed_bytes: int, num_more: int) -> Finding:
    """
    Tell whether the folder has room for the processes that are still to start.

    Parameters
    ----------
    total_bytes, free_bytes : int
        The folder's [B].
    needed_bytes : int
        The segment of one process [B].
    num_more : int
        How many are to start.

    """
    told = f'{FOLDER} has {_mb(free_bytes)} of {_mb(total_bytes)} free'
    if free_bytes >= num_more * needed_bytes:
        return ok(_SUBJECT, told)
    return fail(
        _SUBJECT,
        f'{told}; for node and driver {num_more * needed_bytes / 1e6:.1f} MB more are needed',
        'start the container with --shm-size=1g, or remove what dead processes left',
    )


def check_leftovers(segments: Iterable[Segment], total_bytes: int) -> Finding:
    """
    Tell what killed processes left behind.

    Parameters
    ----------
    segments : iterable of Segment
        What lies in shared memory.
    total_bytes : int
        How much it holds at most [B].

    """
    left = [s.num_bytes for s in segments if s.is_left]
    if not left:
        return ok(_SUBJECT, 'dead processes left nothing there')
    told = f'dead processes left {len(left)} segments of {_mb(sum(left))} together in {FOLDER}'
    if sum(left) < _HARMLESS_SHARE * total_bytes:
        return ok(_SUBJECT, f'{told}, where there is room enough')
    return warn(_SUBJECT, told, f'`fastdds shm clean`, or while no ROS runs `rm {FOLDER}/fast*`')


def check_publisher(
    subject: str, segments: Iterable[Segment], gid: bytes, image_bytes: int, profile: Path
) -> Finding:
    """
    Tell whether an image fits into its publisher's segment.

    Parameters
    ----------
    subject : str
        The finding's.
    segments : iterable of Segment
        What lies in shared memory.
    gid : bytes
        The publisher's, as the graph has it; Fast DDS keeps 16 bits of the process's id in it.
    image_bytes : int
        An image's size [B].
    profile : Path
        A profile with a segment for images.

    """
    low_bits = int.from_bytes(gid[4:6], 'little')
    owned = [s for s in segments if s.owner is not None and s.owner & 0xFFFF == low_bits]
    if not owned or gid[:2] != b'\x01\x0f':
        return skip(
            subject, "the publisher's shared memory is not seen: another machine, user or DDS"
        )
    size = max(s.num_bytes for s in owned)
    if size > image_bytes:
        return ok(subject, f'an image fits into the shared memory of process {owned[0].owner}')
    return fail(
        subject,
        f'an image of {_mb(image_bytes)} does not fit into the {_mb(size)} of shared memory of '
        f'its publisher, process {owned[0].owner}: frames are lost',
        f'export {_PROFILES[0]}={profile} (Kilted: {_PROFILES[1]}) where that process starts',
    )


def _mb(num_bytes: int) -> str:
    return f'{num_bytes / 1e6:.1f} MB'
