"""One process at a time writes to the engine cache."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError

_POLL_S = 0.1
_SAY_EVERY_S = 10.0


@contextmanager
def locked(folder: Path, watch: Watch | None = None) -> Iterator[None]:
    """
    Hold the folder's lock; the kernel lets go of it when the process dies.

    Parameters
    ----------
    folder : Path
        The cache.
    watch : Watch, optional
        Is told that another process holds it, and may stop the wait; without one nothing waits.

    Raises
    ------
    EngineError
        If the watch stops the wait, or the lock is held and there is none.
    OSError
        If the folder cannot be written.

    """
    # Read only, for root may have made it; it stays, for a lock that is removed locks nobody out.
    descriptor = os.open(folder / '.lock', os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        next_line = 0.0
        while not _is_taken(descriptor):
            text = f'another process builds an engine in {folder}'
            if watch is None:
                raise EngineError(f'{text}: try again when it is done')
            if watch.is_stopped():
                raise EngineError(f'{text}: stopped waiting')
            if time.monotonic() >= next_line:
                watch.say(f'{text}: waiting for it')
                next_line = time.monotonic() + _SAY_EVERY_S
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
