"""
Child processes for what may crash, hang or take minutes inside a library.

A child gets one JSON object on its standard input and answers with JSON objects, one a line, on a
pipe of their own: libraries print to the standard output as they please.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any

from unet_seg_ros.core.errors import EngineError, one_line

_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1

# How long a killed child is waited for: one that hangs in its driver does not even die.
_BURIAL_S = 5.0

# Finds the very modules that this process finds, and no others: `-m` and PYTHONPATH would put the
# working folder before them in Python 3.10.
_START = (
    'import sys; sys.path[:] = sys.argv[2:]; import runpy; '
    'runpy.run_module(sys.argv[1], run_name="__main__")'
)

Reply = dict[str, Any]


class Child:
    """
    A child process that ends with the block, however the block is left.

    It leads a session of its own, so that a Ctrl-C at the terminal reaches the parent alone; if
    the parent is killed, the kernel kills the child. The thread that enters the block must not end
    in it: to the kernel it is the parent.

    Parameters
    ----------
    module : str
        The module that it runs; its ``main`` calls `serve`.
    request : mapping
        What it is asked, as JSON can hold it.
    environment : mapping, optional
        Variables that differ from this process's.

    Raises
    ------
    EngineError
        From the ``with`` statement, if it cannot be started.

    """

    def __init__(
        self, module: str, request: Mapping[str, Any], environment: Mapping[str, str] | None = None
    ) -> None:
        """Remember what to start."""
        path = [os.path.abspath(p) for p in sys.path]  # noqa: PTH100
        self._command = [sys.executable, '-c', _START, module, *path]
        self._request = dict(request)
        self._environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> Child:
        """Start it."""
        try:
            with ExitStack() as resources:
                self._errors = resources.enter_context(tempfile.TemporaryFile())
                reader, writer = os.pipe()
                resources.callback(os.close, reader)
                try:
                    self._start(writer)
                finally:
                    os.close(writer)
                self._answer = reader
                self._resources = resources.pop_all()
        except OSError as e:
            raise EngineError(f'no child process can be started: {one_line(e)}') from e
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill it if it still runs."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_BURIAL_S)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._resources.close()

    def replies(self, what: str, timeout_s: float = float('inf')) -> Iterator[Reply | None]:
        """
        Ask, and yield what it answers; yield None several times a second while it is silent.

        Parameters
        ----------
        what : str
            Names the work in errors.
        timeout_s : float, optional
            When to give up [s].

        Raises
        ------
        EngineError
            If it dies, fails or takes longer.

        """
        assert self._process.stdin is not None
        deadline = time.monotonic() + timeout_s
        try:
            self._process.stdin.write(json.dumps(self._request).encode())
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # It died already; why is told below.
        for reply in self._read():
            yield reply
            if time.monotonic() > deadline:
                raise EngineError(f'{what} took longer than {timeout_s:g} s and was ended')
        self._check(what)

    def _start(self, writer: int) -> None:
        self._request.update(parent=os.getpid(), replies=writer)
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=self._errors,
            stderr=self._errors,
            env=self._environment,
            pass_fds=[writer],
            start_new_session=True,
        )

    def _read(self) -> Iterator[Reply | None]:
        """Yield its replies, and None at least every `_POLL_S`, until it has ended."""
        answer = select.poll()
        answer.register(self._answer, select.POLLIN)
        rest = b''
        while True:
            if not answer.poll(1000 * _POLL_S):
                yield None
                continue
            data = os.read(self._answer, 1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b'\n')
            yield from map(json.loads, lines)
        # It has nothing more to say, yet may hang.
        while True:
            try:
                self._process.wait(_POLL_S)
                return
            except subprocess.TimeoutExpired:
                yield None

    def _check(self, what: str) -> None:
        status = self._process.returncode
        if status < 0:
            raise EngineError(f'{what} died by {signal.Signals(-status).name}{self._last_words()}')
        if status > 0:
            raise EngineError(f'{what} ended with status {status}{self._last_words()}')

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors='replace').split('\n')
        said = [line.strip() for line in lines if line.strip()]
        return f': {said[-1]}' if said else ''


def serve(work: Callable[[Reply, Callable[[Reply], None]], Reply]) -> None:
    """
    Do a child's work: read the request, answer, and end.

    Parameters
    ----------
    work : callable
        Takes the request and a function that sends a reply, and returns the last reply. An
        EngineError of it becomes the reply ``{'failed': its words}``.

    """
    # A parent that ends before it asks closes the pipe: there is nothing to read then.
    request = json.loads(sys.stdin.read())
    _die_with(request['parent'])
    with os.fdopen(request['replies'], 'w') as output:

        def send(reply: Reply) -> None:
            output.write(json.dumps(reply) + '\n')
            output.flush()

        try:
            send(work(request, send))
        except EngineError as e:
            send({'failed': str(e)})
        # All is said: a library that hangs or crashes on its way out would spoil it.
        os._exit(0)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process with its parent."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, 'prctl'):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was killed before.
        os._exit(1)
