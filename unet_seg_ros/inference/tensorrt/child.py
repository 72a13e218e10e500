"""
Child processes for what may crash, hang or take minutes inside a library.

A child gets one JSON object on its standard input and answers with JSON objects, one a line.
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
from types import TracebackType
from typing import Any

from unet_seg_ros.core.errors import EngineError

_POLL_MS = 100
_PR_SET_PDEATHSIG = 1

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

    """

    def __init__(
        self, module: str, request: Mapping[str, Any], environment: Mapping[str, str] | None = None
    ) -> None:
        """Remember what to start."""
        self._command = [sys.executable, '-m', module]
        self._request = {**request, 'parent': os.getpid()}
        # It finds the very modules that this process finds, and no others.
        path = os.pathsep.join(os.path.abspath(p) for p in sys.path)  # noqa: PTH100
        changes = {'PYTHONPATH': path, 'PYTHONSAFEPATH': '1', **(environment or {})}
        self._environment = {**os.environ, **changes}

    def __enter__(self) -> Child:
        """Start it."""
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._environment,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill it if it still runs."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def replies(self, what: str, timeout_s: float | None = None) -> Iterator[Reply | None]:
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
        assert self._process.stdout is not None
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            self._process.stdin.write(json.dumps(self._request).encode())
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # It died already; why is told below.
        descriptor = self._process.stdout.fileno()
        answer = select.poll()
        answer.register(descriptor, select.POLLIN)
        rest = b''
        while True:
            if deadline is not None and time.monotonic() > deadline:
                raise EngineError(f'{what} took longer than {timeout_s:g} s and was ended')
            if not answer.poll(_POLL_MS):
                yield None
                continue
            data = os.read(descriptor, 1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b'\n')
            for line in lines:
                yield json.loads(line)
        self._check(what)

    def _check(self, what: str) -> None:
        status = self._process.wait()
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
    # Libraries print too: what they say must not stand between the replies.
    with os.fdopen(os.dup(1), 'w') as output:
        os.dup2(2, 1)

        def send(reply: Reply) -> None:
            output.write(json.dumps(reply) + '\n')
            output.flush()

        # A parent that ends before it asks closes the pipe: there is nothing to read then.
        request = json.loads(sys.stdin.read())
        _die_with(request['parent'])
        try:
            send(work(request, send))
        except EngineError as e:
            send({'failed': str(e)})


def _die_with(parent: int) -> None:
    """Have the kernel kill this process with its parent."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, 'prctl'):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was killed before.
        os._exit(1)
