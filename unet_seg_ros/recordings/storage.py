"""What a recording is stored as, told by names alone; so it needs no library."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from unet_seg_ros.core.errors import RecordingError

#: How the chunks of an MCAP file may be compressed.
Compression = Literal['none', 'lz4', 'zstd']
COMPRESSIONS: tuple[Compression, ...] = ('none', 'lz4', 'zstd')

_BAG_SUFFIXES = ('.mcap', '.db3')
#: The file that makes a folder one bag.
METADATA = 'metadata.yaml'


def is_bag(path: Path) -> bool:
    """
    Return whether a path looks like a rosbag2: its folder, or one of its storage files.

    Raises
    ------
    RecordingError
        If the folder cannot be read.

    """
    if not path.is_dir():
        return path.suffix in _BAG_SUFFIXES
    try:
        return any(f.suffix in _BAG_SUFFIXES or f.name == METADATA for f in path.iterdir())
    except OSError as e:
        raise RecordingError(f'{path}: cannot be read: {e.strerror}') from e


def bags_in(path: Path) -> list[Path]:
    """Return the bags that a folder holds, sorted by name; none if it is one as a whole."""
    inside = sorted(path.iterdir())
    if any(f.name == METADATA for f in inside):
        return []
    return [f for f in inside if f.suffix in _BAG_SUFFIXES or (f.is_dir() and is_bag(f))]


def holds_bags(path: Path) -> str:
    """Return what to tell of a folder of bags."""
    listed = ', '.join(bag.name for bag in bags_in(path))
    return f'recording {path}: holds bags: name each one as a source of its own ({listed})'
