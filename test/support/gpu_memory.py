"""What this process and its GPU hold of memory."""

from __future__ import annotations

import os
from pathlib import Path


def free_device_bytes() -> int:
    """Return the free memory [B] of the device that is selected."""
    from cuda.bindings import runtime

    error, free, _total = runtime.cudaMemGetInfo()
    assert int(error) == 0, error
    return free


def resident_bytes() -> int:
    """Return what this process holds in memory [B]."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')
