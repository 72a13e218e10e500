"""An engine that fails on a frame is opened again, unless its GPU is lost to the process."""

from __future__ import annotations

import numpy as np
import pytest
from support.supervision import fail, segment, serves
from support.waiting import wait_until

from unet_seg_ros.core.errors import EngineError, FrameError, LostGpuError
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.serving import supervisor as supervisor_module
from unet_seg_ros.serving.events import Level
from unet_seg_ros.serving.supervisor import backoff_s


def test_a_failed_frame_is_dropped_and_the_engine_opened_again_at_once(faults, scene):
    supervisor = scene.start()
    fail(supervisor)
    wait_until(lambda: 'tensorrt has recovered' in scene.notes.infos, 'the recovery')
    assert scene.delays.asked == []
    assert faults.closed == faults.opened[:-1]
    assert segment(supervisor).mask().any()
    assert supervisor.status().level is Level.OK
    assert scene.notes.infos.count('tensorrt has recovered') == 1
    assert len(scene.notes.errors) == 1


def test_delays_grow_to_half_a_minute():
    assert [backoff_s(n) for n in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]


def test_it_is_tried_again_after_growing_delays_until_it_recovers(faults, scene):
    supervisor = scene.start()
    faults.on_open = 'no device'
    fail(supervisor)
    for num in (1, 2, 3):
        wait_until(lambda n=num: len(scene.delays.asked) == n, f'delay {num}')
        status = supervisor.status()
        assert status.level is Level.ERROR
        assert f'no device, attempt {num} to open it, nothing serves' in status.message
        assert status.engine.backend.name == 'tensorrt'
        with pytest.raises(EngineError, match=r'no engine serves: .*no device'):
            segment(supervisor)
        if num == 3:
            faults.on_open = ''
        scene.delays.end()
    wait_until(lambda: 'tensorrt has recovered' in scene.notes.infos, 'the recovery')
    assert scene.delays.asked == [1, 2, 4]
    assert segment(supervisor).mask().any()


def test_delays_start_anew_only_after_a_frame(faults, scene):
    supervisor = scene.start()
    for num in (1, 2):
        if num == 2:
            wait_until(lambda: len(scene.notes.infos) > 2, 'the recovery')
        fail(supervisor)
    wait_until(lambda: scene.delays.asked == [1], 'a delay, for it failed without one good frame')
    scene.delays.end()
    wait_until(lambda: supervisor.status().level is Level.OK, 'the recovery')
    segment(supervisor)
    fail(supervisor)
    wait_until(lambda: supervisor.status().level is Level.OK, 'the recovery at once')
    assert scene.delays.asked == [1]


def test_a_cpu_engine_recovers_too_and_as_itself(scene):
    supervisor = scene.start('onnxruntime', cpu_fallback=True)
    fail(supervisor)
    wait_until(lambda: supervisor.status().level is Level.OK, 'the recovery')
    assert serves(supervisor) == 'onnxruntime'
    assert not [line for line in scene.notes.infos if 'fallback' in line]


def test_a_frame_that_cannot_be_read_is_no_fault_of_the_engine(faults, scene):
    supervisor = scene.start()
    with pytest.raises(FrameError):
        segment(supervisor, RawFrame(np.zeros(3, np.uint8), 'bgr8', ImageSize(32, 64), 192))
    assert supervisor.status().level is Level.OK


def test_a_bug_is_told_even_while_nothing_serves(faults, scene, monkeypatch):
    supervisor = scene.start()
    bug = ValueError('a bug')

    def break_down(*arguments):
        raise bug

    monkeypatch.setattr(supervisor_module, 'open_engine', break_down)
    fail(supervisor)
    wait_until(lambda: scene.notes.bugs, 'the bug')
    assert scene.notes.bugs.pop() is bug


def test_a_gpu_that_is_lost_is_not_tried_again_and_the_fallback_serves(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    fail(supervisor, LostGpuError)
    assert serves(supervisor) == 'openvino'
    assert segment(supervisor).class_ids.any()
    assert scene.notes.errors == ['backend tensorrt: device lost']
    assert supervisor.status().level is Level.ERROR
    assert not scene.delays.asked
    assert len(faults.opened) == 1


def test_a_gpu_that_is_lost_without_a_fallback_is_for_a_new_process(faults, scene):
    fail(scene.start(), LostGpuError)
    (error,) = scene.notes.bugs
    assert isinstance(error, LostGpuError)
    assert not scene.delays.asked
    scene.notes.bugs.clear()


def test_a_gpu_that_turns_out_to_be_lost_when_opened_again_is_given_up(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    faults.is_lost, faults.on_open = True, 'gone'
    fail(supervisor)
    wait_until(lambda: 'backend tensorrt: gone' in scene.notes.errors, 'the end of it')
    assert serves(supervisor) == 'openvino'
    assert not scene.delays.asked
