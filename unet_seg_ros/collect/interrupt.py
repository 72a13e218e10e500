"""What becomes of the signals that ask the recorder to end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """
    Let SIGTERM and SIGHUP do what Ctrl-C does, and a second signal nothing.

    Raises
    ------
    KeyboardInterrupt
        On the first signal; what is undone after it is not cut short by the next.

    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """
    Put the signals off until the end of a clean-up.

    Raises
    ------
    KeyboardInterrupt
        At the end, if a signal came that was not ignored before.

    """
    noted: list[int] = []
    with _handled_by(lambda number, frame: noted.append(number)):
        yield
    if noted:
        signal.raise_signal(noted[0])


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    # What is ignored stays so: hangups under nohup, Ctrl-C in the background of a script.
    taken = [n for n in _SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    previous = [signal.signal(number, handler) for number in taken]
    try:
        yield
    finally:
        for number, earlier in zip(taken, previous, strict=True):
            signal.signal(number, earlier)
