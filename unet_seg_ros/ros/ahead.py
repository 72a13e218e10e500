"""Items made in a thread of their own, ahead of their use."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar('Item')

# The thread gives way to whoever uses the items; threads that it starts inherit this.
_NICENESS = 10


class Ahead(Generic[Item]):
    """
    Iterates over items that a thread of low priority makes in advance.

    Parameters
    ----------
    make : callable
        Makes the item of an index, in the thread; what it raises, the iteration raises.
    indices : iterable of int
        Which items, in order; may be endless.
    limit : int
        How many items are asked for in advance, at least 1.

    """

    def __init__(self, make: Callable[[int], Item], indices: Iterable[int], limit: int) -> None:
        """Begin with the first items."""
        self._pool = ThreadPoolExecutor(1, 'ahead', _give_way)
        self._coming = (self._pool.submit(make, index) for index in indices)
        self._waiting: deque[Future[Item]] = deque(itertools.islice(self._coming, max(limit, 1)))

    def __enter__(self) -> Ahead[Item]:
        """Enter the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the thread after the item that it is making."""
        self._pool.shutdown(cancel_futures=True)

    def is_full(self) -> bool:
        """Return whether all that was asked for is made."""
        return all(item.done() for item in self._waiting)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in order, waiting for each."""
        while self._waiting:
            item = self._waiting.popleft().result()
            self._waiting.extend(itertools.islice(self._coming, 1))
            yield item


def _give_way() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
