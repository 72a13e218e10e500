"""glibc's allocator, told to keep what a training step frees for the next step."""

from __future__ import annotations

import ctypes

# Parameters of mallopt(3), from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """
    Stop glibc from returning large blocks to the kernel; elsewhere do nothing.

    A step on the CPU allocates and frees the same hundreds of megabytes each time; with the
    defaults the kernel clears their pages anew for every step.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 256 * 2**20)
