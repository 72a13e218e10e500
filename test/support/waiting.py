"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar('T')


def wait_until(condition: Callable[[], T], what: str = '', deadline_s: float = 60) -> T:
    """Return what a condition gives once that is true; the test fails if it never is."""
    end = time.monotonic() + deadline_s
    while not (found := condition()):
        assert time.monotonic() < end, f'waited {deadline_s} s in vain for {what or condition}'
        time.sleep(0.005)
    return found
