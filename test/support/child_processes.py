"""What runs in and below a process, and how long it takes to end, read from /proc."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from threading import Thread

from support.waiting import wait_until


def seconds_to_end(process: subprocess.Popen, number: int) -> float:
    """
    Send a signal to a process, wait for its end and return how long that took [s].

    What its main thread had to wait for a processor is left out, where the kernel counts it: that
    is the time of others on this machine.
    """
    start_s, before_s = time.monotonic(), _kept_waiting_s(process.pid)
    process.send_signal(number)
    has_ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
    wait_until(lambda: os.waitid(os.P_PID, process.pid, has_ended))
    taken_s = time.monotonic() - start_s - (_kept_waiting_s(process.pid) - before_s)
    process.wait()
    return taken_s


def _kept_waiting_s(pid: int) -> float:
    path = Path(f'/proc/{pid}/schedstat')
    return int(path.read_text().split()[1]) / 1e9 if path.exists() else 0.0


def wait_until_it_rests(thread: Thread) -> None:
    """Wait until a thread has not run for a while: then it waits for more than for Python."""
    path = Path(f'/proc/self/task/{thread.native_id}/status')
    seen, since_s = '', 0.0

    def rests() -> bool:
        nonlocal seen, since_s
        # Whether it sleeps, and how often it has done so.
        now = ''.join(x for x in path.read_text().splitlines() if 'State' in x or 'ctxt' in x)
        if now != seen or 'sleeping' not in now:
            seen, since_s = now, time.monotonic()
        return time.monotonic() - since_s > 0.1

    wait_until(rests)


def children_of(parent: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    found = _processes().items()
    return [pid for pid, (state, above) in found if above == parent and state != 'Z']


def builder_of(parent: int) -> int:
    """Wait for the process that builds an engine for another one, and return it at work."""
    return wait_until(lambda: next(filter(_is_building, children_of(parent)), 0))


def _is_building(pid: int) -> bool:
    """Return whether a process knows its request: it loads TensorRT after that."""
    try:
        command = Path(f'/proc/{pid}/cmdline').read_bytes()
        return b'build_child' in command and 'libtensorrt' in Path(f'/proc/{pid}/maps').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_running(pid: int) -> bool:
    return _processes().get(pid, ('Z', 0))[0] != 'Z'


def _processes() -> dict[int, tuple[str, int]]:
    found = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            # The name, in parentheses, may hold spaces.
            state, parent, *_ = path.read_text().rpartition(')')[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name)] = state, int(parent)
    return found
