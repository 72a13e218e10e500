"""The slots in which each camera's newest frame waits for the one thread that infers."""

from __future__ import annotations

import time
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar('T')

# A camera that has sent nothing for so long is not waited for: its fault is not the others'.
_SILENT_S = 1.0


class NewestSlots(Generic[T]):
    """
    One slot for each camera; a newer frame displaces the one that waits.

    Callbacks put, one worker takes; the worker is given the cameras in turn, so that none
    starves.

    Parameters
    ----------
    names : list of str
        The cameras.
    max_batch : int
        How many items are taken at once at most.
    wait_s : float
        How long an item may wait for those of the other cameras, silent ones aside [s].

    Attributes
    ----------
    wait_s : float
        As above; may change at any time.

    """

    def __init__(self, names: list[str], max_batch: int = 1, wait_s: float = 0.0) -> None:
        """Start with empty slots."""
        self.wait_s = wait_s
        self._waiting: dict[str, tuple[float, T]] = {}
        self._last_put_s: dict[str, float] = {}
        self._order = list(names)
        self._max_batch = min(max_batch, len(names))
        self._changed = Condition()
        self._closed = False

    def put(self, name: str, item: T) -> bool:
        """Leave an item for the worker; return whether it displaced one that still waited."""
        with self._changed:
            displaced = name in self._waiting
            self._last_put_s[name] = time.monotonic()
            self._waiting[name] = self._last_put_s[name], item
            self._changed.notify()
            return displaced

    def take(self) -> list[tuple[str, T]]:
        """Wait for items and return them with their cameras, one of each; none once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._closed and self.wait_s > 0:
                # Fixed now: items that displace others do not lengthen it.
                first_s = min(put_s for put_s, _ in self._waiting.values())
                self._changed.wait_for(
                    lambda: self._is_complete() or self._closed,
                    timeout=max(first_s + self.wait_s - time.monotonic(), 0.0),
                )
            names = [n for n in self._order if n in self._waiting][: self._max_batch]
            self._order = [n for n in self._order if n not in names] + names
            return [(name, self._waiting.pop(name)[1]) for name in names]

    def _is_complete(self) -> bool:
        silent_before_s = time.monotonic() - _SILENT_S
        num_sending = sum(put_s > silent_before_s for put_s in self._last_put_s.values())
        return len(self._waiting) >= min(self._max_batch, num_sending)

    def close(self) -> None:
        """Wake the worker and let every further `take` return nothing."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
