"""Child processes: their failures are told, and none of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.waiting import wait_until

from unet_seg_ros.demo.processes import ProcessError, ProcessGroup

PYTHON = sys.executable
SLEEP = [PYTHON, '-c', 'import time; print("here", flush=True); time.sleep(600)']
DEAF = [
    *(PYTHON, '-c'),
    'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); '
    'print("here", flush=True); time.sleep(600)',
]


def wait_for_words(file: Path) -> None:
    wait_until(lambda: file.exists() and 'here' in file.read_text(), 'words of the child')


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_children_end_with_the_block(tmp_path):
    with ProcessGroup(tmp_path) as group:
        children = [group.start(name, SLEEP, os.environ) for name in ('a', 'b')]
        for name in ('a', 'b'):
            wait_for_words(tmp_path / f'{name}.txt')
    assert [c.process.returncode for c in children] == [-signal.SIGINT] * 2


def interrupted_session(folder: Path) -> None:
    with ProcessGroup(folder) as group:
        group.start('a', SLEEP, os.environ)
        wait_for_words(folder / 'a.txt')
        raise KeyboardInterrupt


def children() -> set[int]:
    """Return the processes whose parent is this one."""
    found = set()
    for stat in Path('/proc').glob('[0-9]*/stat'):
        with suppress(OSError):
            if int(stat.read_text().rpartition(')')[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


def test_children_end_when_the_block_is_interrupted(tmp_path):
    before = children()
    with pytest.raises(KeyboardInterrupt):
        interrupted_session(tmp_path)
    assert children() == before


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_amid_the_birth_of_a_child_leaves_no_orphan(tmp_path, monkeypatch, number):
    """Also where another thread takes the signal, which a mask of this one would not stop."""
    popen, over = subprocess.Popen, threading.Event()
    other = threading.Thread(target=over.wait)
    interrupts = []

    def interrupt(caught, frame):
        interrupts.append(caught)
        raise KeyboardInterrupt

    def popen_amid_interrupt(*args, **options):
        process = popen(*args, **options)
        signal.pthread_kill(other.ident, number)
        wait_for_words(tmp_path / 'a.txt')
        return process

    before, former = children(), signal.signal(number, interrupt)
    monkeypatch.setattr(subprocess, 'Popen', popen_amid_interrupt)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted_session(tmp_path)
    finally:
        signal.signal(number, former)
        over.set()
        other.join()
    assert interrupts == [number]
    assert children() == before


def test_children_of_a_background_job_end_when_asked(tmp_path):
    """A shell lets the jobs that a script starts in the background ignore SIGINT."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ProcessGroup(tmp_path) as group:
            child = group.start('a', SLEEP, os.environ)
            wait_for_words(tmp_path / 'a.txt')
    finally:
        signal.signal(signal.SIGINT, former)
    assert child.process.returncode == -signal.SIGINT


def test_a_child_that_ignores_sigint_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr('unet_seg_ros.demo.processes._GRACE_S', 0.2)
    with ProcessGroup(tmp_path) as group:
        child = group.start('a', DEAF, os.environ)
        wait_for_words(tmp_path / 'a.txt')
    assert child.process.returncode == -signal.SIGKILL


def test_a_second_interrupt_does_not_stop_the_ending(tmp_path, monkeypatch):
    end_all = ProcessGroup._end_all

    def end_amid_interrupts(group: ProcessGroup) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        end_all(group)

    monkeypatch.setattr(ProcessGroup, '_end_all', end_amid_interrupts)
    before = children()
    with pytest.raises(KeyboardInterrupt):
        interrupted_session(tmp_path)
    assert children() == before


def test_children_die_with_a_killed_parent(tmp_path):
    code = (
        'import os, sys, time; from pathlib import Path; '
        'from unet_seg_ros.demo.processes import ProcessGroup; '
        f'g = ProcessGroup(Path({str(tmp_path)!r})); '
        f'c = g.start("a", {SLEEP!r}, os.environ); print(c.process.pid, flush=True); '
        'time.sleep(600)'
    )
    parent = subprocess.Popen([PYTHON, '-c', code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    wait_for_words(tmp_path / 'a.txt')
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 10
    # Killed, it may stay a zombie where nobody reaps orphans.
    while is_alive(child) and Path(f'/proc/{child}/stat').read_text().split()[2] != 'Z':
        assert time.monotonic() < end, 'the child outlived its parent'


def test_a_failure_is_told_with_its_last_words(tmp_path):
    code = 'import sys; print("first"); print("no such camera\\n"); sys.exit(3)'
    with ProcessGroup(tmp_path) as group:
        child = group.start('node', [PYTHON, '-c', code], os.environ)
        with pytest.raises(ProcessError) as raised:
            group.wait(child, 20)
    assert str(raised.value) == 'the node ended with status 3: no such camera'


def test_the_failure_of_another_child_ends_the_waiting(tmp_path):
    with ProcessGroup(tmp_path) as group:
        child = group.start('a', SLEEP, os.environ)
        group.start('b', [PYTHON, '-c', 'raise SystemExit("lost")'], os.environ)
        with pytest.raises(ProcessError, match='the b ended with status 1: lost'):
            group.wait(child, 20)


def test_waiting_has_an_end(tmp_path):
    with ProcessGroup(tmp_path) as group:
        child = group.start('a', SLEEP, os.environ)
        with pytest.raises(ProcessError, match='the a did not end within'):
            group.wait(child, 0.1)


def test_what_cannot_be_started_is_told(tmp_path):
    with ProcessGroup(tmp_path) as group, pytest.raises(ProcessError, match='cannot be started'):
        group.start('a', [str(tmp_path / 'nowhere')], os.environ)
