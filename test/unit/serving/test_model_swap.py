"""A model that takes over from another one between two frames, or is refused."""

from __future__ import annotations

import shutil

import pytest
from support.stand_in_engines import StandInGpuEngine
from support.supervision import fail, segment
from support.waiting import wait_until

from unet_seg_ros.core.errors import ConfigurationError, ModelError
from unet_seg_ros.serving.events import Level


def test_another_model_takes_over_and_the_old_engine_is_closed(faults, scene, other_model):
    supervisor = scene.start()
    supervisor.set_overlay_opacity(0.25)
    supervisor.swap(other_model)
    wait_until(lambda: scene.notes.num_swaps, 'the swap')
    status = supervisor.status()
    assert status.engine.backend.path == supervisor.model == other_model
    assert status.engine.segmenter.renderer.overlay_opacity == 0.25
    assert segment(supervisor).class_ids.shape == (16, 32)
    wait_until(lambda: faults.closed == faults.opened[:1], 'the old engine to be closed')


def test_the_old_model_serves_while_the_new_one_is_loaded(faults, scene, other_model):
    supervisor = scene.start()
    faults.built.clear()
    supervisor.swap(other_model)
    wait_until(lambda: '40 %' in supervisor.status().message, 'the building')
    assert supervisor.status().level is Level.OK
    assert segment(supervisor).class_ids.shape == (32, 64)
    with pytest.raises(ConfigurationError, match='is being loaded: try again after that'):
        supervisor.swap(scene.model)
    faults.built.set()
    wait_until(lambda: scene.notes.num_swaps, 'the swap')
    assert segment(supervisor).class_ids.shape == (16, 32)


def test_no_frame_is_lost_or_mixed_up_by_swaps(faults, scene, other_model):
    supervisor = scene.start()
    shapes = []
    for num in range(1, 9):
        shapes.append(segment(supervisor).class_ids.shape)
        supervisor.swap(other_model if num % 2 else scene.model)
        while scene.notes.num_swaps < num:
            shapes.append(segment(supervisor).class_ids.shape)
    assert set(shapes) == {(32, 64), (16, 32)}
    wait_until(lambda: len(faults.closed) == 8, 'every replaced engine to be closed')


def test_a_file_that_is_no_model_is_refused_at_once(faults, scene, tmp_path):
    supervisor = scene.start()
    with pytest.raises(ModelError, match='not found'):
        supervisor.swap(tmp_path / 'none.onnx')
    assert not supervisor.is_swapping()


def test_a_model_that_cannot_be_loaded_leaves_the_old_one(faults, scene, other_model, tmp_path):
    supervisor = scene.start()
    faults.unfit.add(other_model)
    supervisor.swap(other_model)
    wait_until(lambda: scene.notes.num_swaps, 'the end of the swap')
    status = supervisor.status()
    assert status.level is Level.WARN
    assert f'model {other_model} not taken' in status.message
    assert len(scene.notes.errors) == 1
    assert supervisor.model == scene.model
    assert segment(supervisor).class_ids.shape == (32, 64)
    third = tmp_path / 'third.onnx'
    shutil.copy(other_model, third)
    supervisor.swap(third)
    wait_until(lambda: scene.notes.num_swaps == 2, 'the next swap')
    assert supervisor.status().level is Level.OK


def test_a_model_may_replace_one_whose_engine_has_failed(faults, scene, other_model):
    supervisor = scene.start()
    faults.unfit.add(scene.model)
    fail(supervisor)
    wait_until(lambda: scene.delays.asked == [1], 'the first vain attempt')
    supervisor.swap(other_model)
    wait_until(lambda: scene.notes.num_swaps, 'the swap')
    assert supervisor.status().level is Level.OK
    assert segment(supervisor).class_ids.shape == (16, 32)
    assert faults.closed == faults.opened[:1]


def test_a_failed_engine_is_closed_before_another_model_is_opened(
    faults, scene, other_model, monkeypatch
):
    supervisor = scene.start()
    open_, closed_before = StandInGpuEngine._open, []

    def note(self) -> None:
        closed_before.append(list(faults.closed))
        open_(self)

    monkeypatch.setattr(StandInGpuEngine, '_open', note)
    # Both at once: the thread wakes when this is released.
    with supervisor._changed:
        fail(supervisor)
        supervisor.swap(other_model)
    wait_until(lambda: scene.notes.num_swaps, 'the swap')
    assert closed_before == [faults.opened[:1]]


def test_a_bug_in_the_thread_is_handed_on(faults, scene, other_model, monkeypatch):
    supervisor = scene.start()
    monkeypatch.setattr(StandInGpuEngine, '_open', lambda self: 1 / 0)
    supervisor.swap(other_model)
    wait_until(lambda: scene.notes.bugs, 'the bug')
    assert isinstance(scene.notes.bugs.pop(), ZeroDivisionError)
