"""What runs below a process, read from /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar('T')


def wait_for(condition: Callable[[], T], timeout_s: float = 30) -> T:
    """Return what a condition gives once that is true."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, condition
        time.sleep(0.005)
    return found


def children_of(parent: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    found = _processes().items()
    return [pid for pid, (state, above) in found if above == parent and state != 'Z']


def builder_of(parent: int) -> int:
    """Wait for the process that builds an engine for another one, and return it at work."""
    return wait_for(lambda: next(filter(_is_building, children_of(parent)), 0))


def _is_building(pid: int) -> bool:
    """Return whether a process knows its request: it loads TensorRT after that."""
    try:
        command = Path(f'/proc/{pid}/cmdline').read_bytes()
        return b'build_child' in command and 'libtensorrt' in Path(f'/proc/{pid}/maps').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_running(pid: int) -> bool:
    return _processes().get(pid, ('Z', 0))[0] != 'Z'


def _processes() -> dict[int, tuple[str, int]]:
    found = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            # The name, in parentheses, may hold spaces.
            state, parent, *_ = path.read_text().rpartition(')')[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name)] = state, int(parent)
    return found
