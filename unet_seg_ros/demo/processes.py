"""Child processes that never outlive their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from unet_seg_ros.core.errors import UserError

_GRACE_S = 5.0
_POLL_S = 0.05
_PR_SET_PDEATHSIG = 1
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessError(UserError):
    """A child process that failed; the message carries its last words."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child process, its name in messages, and the file that holds what it said."""

    name: str
    process: subprocess.Popen[bytes]
    said: Path

    def failure(self) -> ProcessError:
        """Return the error that tells how it ended."""
        lines = self.said.read_text(errors='replace').splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), 'it said nothing')
        return ProcessError(f'the {self.name} ended with status {self.process.returncode}: {last}')


class ProcessGroup:
    """
    Children that are ended with the block, however it is left.

    Each child leads a session of its own: a Ctrl-C at the terminal reaches the parent alone, and
    what a child starts itself ends with it. Should the parent be killed, the kernel kills them.

    Parameters
    ----------
    folder : Path
        Where the children's output goes.

    """

    def __init__(self, folder: Path) -> None:
        """Begin without children."""
        self._folder = folder
        self._children: list[Child] = []

    def __enter__(self) -> ProcessGroup:
        """Enter the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End what still runs: SIGINT, then SIGKILL."""
        # A second Ctrl-C must not leave this half done.
        previous = {number: signal.signal(number, signal.SIG_IGN) for number in _INTERRUPTS}
        try:
            self._end_all()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """
        Start a child; its standard input is a pipe that stays open.

        Raises
        ------
        ProcessError
            If it cannot be started.

        """
        said = self._folder / f'{name}.txt'
        try:
            # An interrupt between the birth of a child and its entry would leave an orphan.
            with said.open('wb') as output, _interrupts_held_back():
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    start_new_session=True,
                    preexec_fn=_prepare_child(),
                )
                child = Child(name, process, said)
                self._children.append(child)
        except OSError as e:
            raise ProcessError(f'the {name} cannot be started: {e}') from e
        return child

    def check(self) -> None:
        """
        Make sure that no child has failed.

        Raises
        ------
        ProcessError
            If one has ended with a status other than 0.

        """
        for child in self._children:
            if child.process.poll():
                raise child.failure()

    def wait(self, child: Child, timeout_s: float) -> None:
        """
        Wait for a child to end well, while the others are watched too.

        Raises
        ------
        ProcessError
            If it or another fails, or the time is over.

        """
        deadline_s = time.monotonic() + timeout_s
        while child.process.poll() is None:
            self.check()
            if time.monotonic() > deadline_s:
                raise ProcessError(f'the {child.name} did not end within {timeout_s:.0f} s')
            time.sleep(_POLL_S)
        self.check()

    def stop(self, child: Child) -> None:
        """
        Ask a child to end, as Ctrl-C would.

        Raises
        ------
        ProcessError
            If it does not end in time, or not with status 0.

        """
        child.process.send_signal(signal.SIGINT)
        self.wait(child, _GRACE_S)

    def _end_all(self) -> None:
        running = [c.process for c in self._children if c.process.poll() is None]
        for process in running:
            _signal_group(process, signal.SIGINT)
        deadline_s = time.monotonic() + _GRACE_S
        for process in running:
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)
                process.wait()
        for child in self._children:
            if child.process.stdin is not None:
                child.process.stdin.close()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """
    Let interrupts take effect after the block only.

    A signal mask would not do: another thread may take the signal, and Python then runs its
    handler in the main thread all the same.
    """
    held_back: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        held_back.append(number)

    previous = {number: signal.signal(number, remember) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for caught in held_back:
            signal.raise_signal(caught)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _prepare_child() -> Callable[[], None]:
    """Return what a child calls before it becomes its program."""
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        if hasattr(libc, 'prctl'):
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the request.
        if os.getppid() != parent:
            os._exit(1)

    return prepare
