"""Processes that want one engine at once, and builders and their parents that die."""

from __future__ import annotations

import os
import signal

import pytest
from support.cached_engines import names, touch_up
from support.child_processes import builder_of, is_running
from support.verbs import Verbs
from support.waiting import wait_until

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt import cache as caching
from unet_seg_ros.inference.tensorrt.lock import locked
from unet_seg_ros.inference.tensorrt.storage import PART


@pytest.fixture
def verbs():
    started = Verbs()
    yield started
    started.end()


def test_two_processes_build_once(cache, model, verbs, rtx):
    cache.folder.mkdir()
    command = ('build-engine', '--module', rtx.name, '--model', model, '--cache', cache.folder)
    with locked(cache.folder):
        both = [verbs.start(*command) for _ in range(2)]
        lines = [process.stderr.readline() for process in both]
    text = f'another process builds an engine in {cache.folder}: waiting for it\n'
    assert lines == [text] * 2
    (path, told), (same_path, other_told) = [p.communicate(timeout=60) for p in both]
    assert path == same_path
    assert [p.returncode for p in both] == [0, 0]
    assert (told + other_told).count('; building') == 1
    assert (told + other_told).count('is there since') == 1


def test_waiting_for_another_process_can_be_stopped(cache, request_, listener):
    cache.folder.mkdir()
    listener.stops = True
    with locked(cache.folder), pytest.raises(EngineError, match='stopped waiting'):
        cache.load_or_build(request_, listener)
    assert names(cache.folder) == {'.lock'}


def test_a_model_that_changes_meanwhile_is_told(cache, request_, model, listener, monkeypatch):
    real = caching.build

    def build(*arguments):
        touch_up(model)
        return real(*arguments)

    monkeypatch.setattr(caching, 'build', build)
    with pytest.raises(EngineError, match=r'was changed while its engine was built: .*again$'):
        cache.load_or_build(request_, listener)
    assert names(cache.folder) == {'.lock'}


def test_a_build_that_fails_leaves_nothing(cache, request_, listener):
    def kill() -> None:
        listener.before = lambda: None
        os.kill(builder_of(os.getpid()), signal.SIGKILL)

    listener.before = kill
    with pytest.raises(EngineError, match='died by SIGKILL'):
        cache.load_or_build(request_, listener)
    assert names(cache.folder) == {'.lock'}
    assert cache.load_or_build(request_, listener).was_built


def test_a_parent_that_is_killed_takes_its_builder_with_it(
    cache, request_, shipped_model, verbs, rtx, listener
):
    parent = verbs.start(
        'build-engine', '--module', rtx.name, '--model', shipped_model, '--cache', cache.folder
    )
    child = builder_of(parent.pid)
    os.kill(child, signal.SIGSTOP)
    parent.kill()
    parent.wait(timeout=30)
    wait_until(lambda: not is_running(child))
    (part,) = cache.folder.glob(f'{PART}*')
    assert cache.entries() == []
    # The kernel let go of the lock, and the next build clears up.
    assert cache.load_or_build(request_, listener).was_built
    assert not part.exists()
