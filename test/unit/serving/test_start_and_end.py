"""The first engine: what was asked for, or a refusal; and an end in the midst of the work."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from support.stand_in_engines import StandInGpuEngine
from support.supervision import fail, join, segment, serves
from support.waiting import wait_until

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.serving.events import Level


def test_it_serves_what_was_asked_for_and_says_so(faults, scene):
    supervisor = scene.start()
    assert (segment(supervisor).mask() == 130 // 64).all()
    assert serves(supervisor) == 'tensorrt'
    assert supervisor.status().level is Level.OK
    assert scene.notes.infos == ['known on tensorrt fp32, input 64x32']
    supervisor.close()
    assert faults.opened == faults.closed


def test_a_named_engine_that_cannot_be_opened_fails_the_start(faults, scene):
    faults.on_open = 'no driver'
    with pytest.raises(EngineError, match='no driver'):
        scene.start(cpu_fallback=True)


def test_auto_says_once_what_it_passed_over(faults, scene, other_model):
    faults.on_open = 'no driver'
    supervisor = scene.start('auto')
    lines = [line for line in scene.notes.infos if 'passed over' in line]
    assert len(lines) == 2
    supervisor.swap(other_model)
    wait_until(lambda: scene.notes.num_swaps, 'the swap')
    assert [line for line in scene.notes.infos if 'passed over' in line] == lines


def test_without_the_fallback_the_start_waits_for_the_engine(faults, scene):
    faults.built.clear()
    starting = Thread(target=scene.make().start)
    starting.start()
    wait_until(lambda: 'building: 40 %' in scene.notes.infos, 'the building')
    assert scene.supervisor.status() is None
    with pytest.raises(EngineError, match='no engine serves: tensorrt is being opened'):
        segment(scene.supervisor)
    faults.built.set()
    join(starting)
    assert serves(scene.supervisor) == 'tensorrt'


def test_a_bug_while_opening_leaves_start(faults, scene, monkeypatch):
    monkeypatch.setattr(StandInGpuEngine, '_open', lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scene.start()


def test_told_to_stop_the_start_ends_and_nothing_is_left_open(faults, scene):
    # The builder hears of it later, or it would be the one who says why.
    heard = Event()
    faults.built.clear()
    faults.built.wait = lambda timeout: heard.wait(30) and False
    scene.notes.stop.set()
    with pytest.raises(EngineError, match='stopped while tensorrt is being opened'):
        scene.start()
    heard.set()
    scene.supervisor.close()
    join(scene.supervisor._thread)
    assert faults.opened == []


def test_told_to_stop_while_it_closes_it_waits_no_longer(faults, scene):
    heard = Event()
    faults.built.clear()
    faults.built.wait = lambda timeout: heard.wait(30)
    supervisor = scene.start(cpu_fallback=True)
    closing = Thread(target=supervisor.close)
    closing.start()
    scene.notes.stop.set()
    join(closing)
    assert supervisor._thread.is_alive()
    faults.built.set()
    heard.set()
    join(supervisor._thread)
    assert faults.closed == faults.opened


def test_closed_while_an_engine_is_built_it_gives_up(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    supervisor.close()
    assert not supervisor._thread.is_alive()
    assert scene.notes.errors == []


def test_an_engine_that_is_opened_as_the_process_ends_is_closed(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    faults.on_open = 'no device'
    fail(supervisor)
    wait_until(lambda: scene.delays.asked, 'the first vain attempt')
    # It is closed between the opening and the exchange, which waits for the frame in work.
    faults.on_open = ''
    scene.notes.stop.set()
    with supervisor._in_use:
        scene.delays.end()
        wait_until(lambda: len(faults.opened) == 2, 'the opening')
        supervisor.close()
    join(supervisor._thread)
    assert faults.closed == faults.opened
    assert 'tensorrt has recovered' not in scene.notes.infos
