"""The CPU engine that serves while a GPU engine is built, has failed or cannot be had."""

from __future__ import annotations

from threading import Thread

import pytest
from support.supervision import fail, join, segment, serves
from support.waiting import wait_until

from unet_seg_ros.core.errors import ConfigurationError, EngineError
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.serving.events import Level


def test_the_cpu_serves_while_the_engine_is_built(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    assert serves(supervisor) == 'openvino'
    status = supervisor.status()
    assert status.level is Level.WARN
    assert 'openvino serves: building: 40 %' in status.message
    assert segment(supervisor).mask().shape == (32, 64)
    with pytest.raises(ConfigurationError, match='tensorrt is being opened'):
        supervisor.swap(scene.model)
    faults.built.set()
    wait_until(lambda: serves(supervisor) == 'tensorrt', 'the engine')
    assert supervisor.status().level is Level.OK
    assert supervisor._state.fallback is None


def test_no_cpu_engine_is_opened_where_nothing_has_to_be_built(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    assert serves(supervisor) == 'tensorrt'
    assert len(scene.notes.infos) == 1


def test_without_a_cpu_engine_the_start_says_so_and_waits(faults, scene, monkeypatch):
    def missing(self):
        raise EngineError('not installed')

    faults.built.clear()
    starting = Thread(target=scene.make(cpu_fallback=True).start)
    with monkeypatch.context() as patch:
        for cpu_engine in (OpenVinoBackend, OnnxRuntimeBackend):
            patch.setattr(cpu_engine, '_open', missing)
        starting.start()
        wait_until(lambda: scene.notes.errors, 'the refusal')
    assert scene.notes.errors[0].startswith('no fallback: ')
    faults.built.set()
    join(starting)
    assert serves(scene.supervisor) == 'tensorrt'


def test_an_engine_that_cannot_be_built_leaves_the_fallback_and_an_error(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    faults.is_wrong = True
    faults.built.set()
    wait_until(lambda: scene.notes.errors, 'the refusal')
    status = supervisor.status()
    assert status.level is Level.ERROR
    assert 'wrong answers' in status.message
    assert 'openvino serves' in status.message
    segment(supervisor)
    # A model that the engine can run mends it.
    faults.is_wrong = False
    supervisor.swap(scene.model)
    wait_until(lambda: serves(supervisor) == 'tensorrt', 'the engine')
    assert supervisor.status().level is Level.OK


def test_what_could_not_be_built_is_tried_again_while_the_fallback_serves(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    faults.on_open = 'out of memory'
    faults.built.set()
    for num in (1, 2):
        wait_until(lambda n=num: len(scene.delays.asked) == n, f'delay {num}')
        assert serves(supervisor) == 'openvino'
        assert f'out of memory, attempt {num} to open it' in supervisor.status().message
        assert f'tensorrt is opened again in {num} s' in scene.notes.errors[-1]
        segment(supervisor)
        if num == 2:
            faults.on_open = ''
        scene.delays.end()
    wait_until(lambda: 'tensorrt has recovered' in scene.notes.infos, 'the engine')
    assert serves(supervisor) == 'tensorrt'
    assert supervisor.status().level is Level.OK


def test_the_fallback_serves_until_the_engine_recovers(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    faults.on_open = 'no device'
    fail(supervisor)
    wait_until(lambda: scene.delays.asked, 'the first vain attempt')
    assert serves(supervisor) == 'openvino'
    assert supervisor.status().level is Level.ERROR
    assert segment(supervisor).mask().any()
    faults.on_open = ''
    scene.delays.end()
    wait_until(lambda: serves(supervisor) == 'tensorrt', 'the recovery')
    assert supervisor._state.fallback is None


def test_the_fallback_serves_too_if_the_engine_fails_during_a_swap(faults, scene, other_model):
    supervisor = scene.start(cpu_fallback=True)
    faults.built.clear()
    supervisor.swap(other_model)
    wait_until(lambda: '40 %' in supervisor.status().message, 'the building')
    fail(supervisor)
    assert serves(supervisor) == 'openvino'
    assert segment(supervisor).class_ids.shape == (32, 64)
    faults.built.set()
    wait_until(lambda: scene.notes.num_swaps, 'the swap')
    assert serves(supervisor) == 'tensorrt'
    assert segment(supervisor).class_ids.shape == (16, 32)
    assert supervisor._state.fallback is None


def test_a_fallback_that_fails_loses_one_frame(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    fail(supervisor)
    assert supervisor.status().level is Level.WARN
    assert segment(supervisor).mask().any()
    faults.built.set()
    wait_until(lambda: serves(supervisor) == 'tensorrt', 'the engine')
