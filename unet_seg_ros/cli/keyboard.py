"""The keys that steer a verb while it runs, where its standard input is a terminal."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

T = TypeVar('T')

#: What terminals send for the arrow keys, in either of their modes.
UP, DOWN, RIGHT, LEFT = ((f'\033[{c}', f'\033O{c}') for c in 'ABCD')


class Keyboard(Generic[T]):
    """
    Reads keys without waiting for one.

    Parameters
    ----------
    meanings : mapping of str to T
        What each key means, by the characters that the terminal sends for it.
    descriptor : int or None
        The terminal; None for no keys.

    """

    def __init__(self, meanings: Mapping[str, T], descriptor: int | None) -> None:
        """Begin without a key."""
        self._meanings, self._descriptor = meanings, descriptor

    @property
    def is_there(self) -> bool:
        """Whether keys can come."""
        return self._descriptor is not None

    def pressed(self) -> Iterator[T]:
        """Iterate over the meanings of the keys that were pressed since the last call."""
        text = self._waiting()
        while text:
            key = next((k for k in self._meanings if text.startswith(k)), text[0])
            text = text[len(key) :]
            if key in self._meanings:
                yield self._meanings[key]

    def _waiting(self) -> str:
        descriptor = self._descriptor
        if descriptor is None or not select.select([descriptor], [], [], 0)[0]:
            return ''
        try:
            data = os.read(descriptor, 1024) if _is_in_foreground(descriptor) else b''
        except OSError:
            self._descriptor = None  # The terminal is gone; what it steered goes on.
            return ''
        return data.decode(errors='replace')


@contextmanager
def keyboard(meanings: Mapping[str, T]) -> Iterator[Keyboard[T]]:
    """
    Give the keys of the terminal within, and the terminal back as it was.

    Ctrl-C goes on to interrupt. There are no keys where standard input is no terminal, or serves
    another process meanwhile, as it does for a command in the background.
    """
    if sys.stdin is None or not sys.stdin.isatty() or not _is_in_foreground(sys.stdin.fileno()):
        yield Keyboard(meanings, None)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keyboard(meanings, descriptor)
    finally:
        if _is_in_foreground(descriptor):
            with suppress(termios.error):  # It may be gone.
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _is_in_foreground(descriptor: int) -> bool:
    """Return whether the terminal may be used; else a touch would stop this process."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # Not the terminal that rules this process: nobody is stopped.
