"""What a recording is stored as, told by names alone; so it needs no library."""

from __future__ import annotations

from pathlib import Path

_BAG_SUFFIXES = ('.mcap', '.db3')


def is_bag(path: Path) -> bool:
    """Return whether a path looks like a rosbag2: its folder, or one of its storage files."""
    files = path.iterdir() if path.is_dir() else [path]
    return any(f.suffix in _BAG_SUFFIXES or f.name == 'metadata.yaml' for f in files)
