"""The slot in which a camera's newest frame waits for the one thread that infers."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar('T')


class NewestSlots(Generic[T]):
    """
    One slot for each camera; a newer frame displaces the one that waits.

    Callbacks put, one worker takes; the worker is given the cameras in turn, so that none
    starves.

    Parameters
    ----------
    names : list of str
        The cameras.

    """

    def __init__(self, names: list[str]) -> None:
        """Start with empty slots."""
        self._waiting: dict[str, T] = {}
        self._order = list(names)
        self._changed = Condition()
        self._closed = False

    def put(self, name: str, item: T) -> bool:
        """Leave an item for the worker; return whether it displaced one that still waited."""
        with self._changed:
            displaced = name in self._waiting
            self._waiting[name] = item
            self._changed.notify()
            return displaced

    def take(self) -> tuple[str, T] | None:
        """Wait for an item and return it with its camera; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            name = next(n for n in self._order if n in self._waiting)
            self._order.remove(name)
            self._order.append(name)
            return name, self._waiting.pop(name)

    def close(self) -> None:
        """Wake the worker and let every further `take` return None."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
