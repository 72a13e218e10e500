"""An engine that is built, fails, recovers and is replaced while frames come."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition, Event, Thread

import numpy as np
import pytest
from support.known_model import write_known_model
from support.stand_in_engines import Faults, StandInGpuEngine

from unet_seg_ros.core.errors import (
    ConfigurationError,
    EngineError,
    FrameError,
    LostGpuError,
    ModelError,
)
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.segmenter import CameraOptions, Segmentation
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.serving import supervisor as supervisor_module
from unet_seg_ros.serving.events import EngineRequest, Level, Listener
from unet_seg_ros.serving.supervisor import EngineSupervisor, backoff_s

FRAME = RawFrame.from_bgr(np.full((32, 64, 3), 130, np.uint8))


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 20
    pause = Event()
    while not condition():
        assert time.monotonic() < end, f'waited in vain for {what}'
        pause.wait(0.005)


class Notes(Listener):
    def __init__(self) -> None:
        self.infos: list[str] = []
        self.errors: list[str] = []
        self.num_swaps = 0
        self.bugs: list[Exception] = []
        self.stop = Event()

    def info(self, line: str) -> None:
        self.infos.append(line)

    def error(self, line: str) -> None:
        self.errors.append(line)

    def is_stopped(self) -> bool:
        return self.stop.is_set()

    def swapped(self) -> None:
        self.num_swaps += 1

    def crashed(self, error: Exception) -> None:
        self.bugs.append(error)


class Delays:
    """Waits no time: the delays that were asked for, each let pass by the test."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.num_let_pass = 0

    def __call__(self, condition: Condition, delay_s: float) -> bool:
        if delay_s == 0:
            return False
        self.asked.append(delay_s)
        turn = len(self.asked)
        # Woken by what happens, as a true wait is, and looking for the test now and then.
        while self.num_let_pass < turn:
            if condition.wait(0.005):
                return True
        return False


class Scene:
    """A supervisor that the test starts, with all that it was told."""

    def __init__(self, model: Path) -> None:
        self.model = model
        self.notes = Notes()
        self.delays = Delays()
        self.supervisor: EngineSupervisor | None = None

    def make(self, backend: str = 'tensorrt', cpu_fallback: bool = False) -> EngineSupervisor:
        request = EngineRequest(model=self.model, backend=backend, cpu_fallback=cpu_fallback)
        self.supervisor = EngineSupervisor(request, self.notes, 0.5, self.delays)
        return self.supervisor

    def start(self, backend: str = 'tensorrt', cpu_fallback: bool = False) -> EngineSupervisor:
        self.make(backend, cpu_fallback).start()
        return self.supervisor


@pytest.fixture
def scene(known_model) -> Iterator[Scene]:
    scene = Scene(known_model)
    yield scene
    if scene.supervisor is not None:
        scene.supervisor.close()
    assert not scene.notes.bugs


@pytest.fixture
def other_model(tmp_path) -> Path:
    return write_known_model(tmp_path / 'other.onnx', ImageSize(16, 32))


def segment(supervisor: EngineSupervisor, frame: RawFrame = FRAME) -> Segmentation:
    (result,) = supervisor.segment([(frame, CameraOptions())])
    if isinstance(result, FrameError):
        raise result
    return result


def serves(supervisor: EngineSupervisor) -> str:
    return supervisor.status().engine.backend.name


def fail(scene: Scene, faults: Faults) -> None:
    faults.on_infer = 'device lost'
    with pytest.raises(EngineError, match='device lost'):
        segment(scene.supervisor)


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
    until(lambda: scene.notes.num_swaps, 'the swap')
    assert [line for line in scene.notes.infos if 'passed over' in line] == lines


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
    until(lambda: serves(supervisor) == 'tensorrt', 'the engine')
    assert supervisor.status().level is Level.OK
    assert supervisor._state.fallback is None


def test_no_cpu_engine_is_opened_where_nothing_has_to_be_built(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    assert serves(supervisor) == 'tensorrt'
    assert len(scene.notes.infos) == 1


def test_without_the_fallback_the_start_waits_for_the_engine(faults, scene):
    faults.built.clear()
    starting = Thread(target=scene.make().start)
    starting.start()
    until(lambda: 'building: 40 %' in scene.notes.infos, 'the building')
    assert scene.supervisor.status() is None
    with pytest.raises(EngineError, match='no engine serves: tensorrt is being opened'):
        segment(scene.supervisor)
    faults.built.set()
    starting.join(20)
    assert serves(scene.supervisor) == 'tensorrt'


def test_an_engine_that_cannot_be_built_leaves_the_fallback_and_an_error(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    faults.is_wrong = True
    faults.built.set()
    until(lambda: scene.notes.errors, 'the refusal')
    status = supervisor.status()
    assert status.level is Level.ERROR
    assert 'wrong answers' in status.message
    assert 'openvino serves' in status.message
    segment(supervisor)
    # A model that the engine can run mends it.
    faults.is_wrong = False
    supervisor.swap(scene.model)
    until(lambda: serves(supervisor) == 'tensorrt', 'the engine')
    assert supervisor.status().level is Level.OK


def test_what_could_not_be_built_is_tried_again_while_the_fallback_serves(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    faults.on_open = 'out of memory'
    faults.built.set()
    for num in (1, 2):
        until(lambda n=num: len(scene.delays.asked) == n, f'delay {num}')
        assert serves(supervisor) == 'openvino'
        assert f'out of memory, attempt {num} to open it' in supervisor.status().message
        assert f'tensorrt is opened again in {num} s' in scene.notes.errors[-1]
        segment(supervisor)
        if num == 2:
            faults.on_open = ''
        scene.delays.num_let_pass += 1
    until(lambda: 'tensorrt has recovered' in scene.notes.infos, 'the engine')
    assert serves(supervisor) == 'tensorrt'
    assert supervisor.status().level is Level.OK


def test_told_to_stop_while_it_closes_it_waits_no_longer(faults, scene):
    deaf = Event()
    faults.built.clear()
    faults.built.wait = lambda timeout: deaf.wait(20)
    supervisor = scene.start(cpu_fallback=True)
    closing = Thread(target=supervisor.close)
    closing.start()
    scene.notes.stop.set()
    closing.join(5)
    assert not closing.is_alive()
    faults.built.set()
    deaf.set()
    supervisor._thread.join(20)
    assert faults.closed == faults.opened


def test_told_to_stop_the_start_ends_and_nothing_is_left_open(faults, scene):
    faults.built.clear()
    scene.notes.stop.set()
    with pytest.raises(EngineError, match='stopped while tensorrt is being opened'):
        scene.start()
    scene.supervisor.close()
    assert not scene.supervisor._thread.is_alive()
    assert faults.opened == []


def test_closed_while_an_engine_is_built_it_gives_up(faults, scene):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)
    supervisor.close()
    assert not supervisor._thread.is_alive()
    assert scene.notes.errors == []


def test_a_failed_frame_is_dropped_and_the_engine_opened_again_at_once(faults, scene):
    supervisor = scene.start()
    fail(scene, faults)
    faults.on_infer = ''
    until(lambda: 'tensorrt has recovered' in scene.notes.infos, 'the recovery')
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
    fail(scene, faults)
    for num in (1, 2, 3):
        until(lambda n=num: len(scene.delays.asked) == n, f'delay {num}')
        status = supervisor.status()
        assert status.level is Level.ERROR
        assert f'no device, attempt {num} to open it, nothing serves' in status.message
        assert status.engine.backend.name == 'tensorrt'
        with pytest.raises(EngineError, match=r'no engine serves: .*no device'):
            segment(supervisor)
        if num == 3:
            faults.on_open = faults.on_infer = ''
        scene.delays.num_let_pass += 1
    until(lambda: 'tensorrt has recovered' in scene.notes.infos, 'the recovery')
    assert scene.delays.asked == [1, 2, 4]
    assert segment(supervisor).mask().any()


def test_delays_start_anew_only_after_a_frame(faults, scene):
    supervisor = scene.start()
    for num in (1, 2):
        if num == 2:
            until(lambda: len(scene.notes.infos) > 2, 'the recovery')
        fail(scene, faults)
        faults.on_infer = ''
    until(lambda: scene.delays.asked == [1], 'a delay, for it failed without one good frame')
    scene.delays.num_let_pass = 1
    until(lambda: supervisor.status().level is Level.OK, 'the recovery')
    segment(supervisor)
    fail(scene, faults)
    faults.on_infer = ''
    until(lambda: supervisor.status().level is Level.OK, 'the recovery at once')
    assert scene.delays.asked == [1]


def test_the_fallback_serves_until_the_engine_recovers(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    faults.on_open = 'no device'
    fail(scene, faults)
    until(lambda: scene.delays.asked, 'the first vain attempt')
    assert serves(supervisor) == 'openvino'
    assert supervisor.status().level is Level.ERROR
    assert segment(supervisor).mask().any()
    faults.on_open = faults.on_infer = ''
    scene.delays.num_let_pass = 1
    until(lambda: serves(supervisor) == 'tensorrt', 'the recovery')
    assert supervisor._state.fallback is None


def test_the_fallback_serves_too_if_the_engine_fails_during_a_swap(faults, scene, other_model):
    supervisor = scene.start(cpu_fallback=True)
    faults.built.clear()
    supervisor.swap(other_model)
    until(lambda: '40 %' in supervisor.status().message, 'the building')
    fail(scene, faults)
    assert serves(supervisor) == 'openvino'
    assert segment(supervisor).class_ids.shape == (32, 64)
    faults.on_infer = ''
    faults.built.set()
    until(lambda: scene.notes.num_swaps, 'the swap')
    assert serves(supervisor) == 'tensorrt'
    assert segment(supervisor).class_ids.shape == (16, 32)
    assert supervisor._state.fallback is None


def test_a_gpu_that_is_lost_is_not_tried_again_and_the_fallback_serves(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    faults.is_lost = True
    fail(scene, faults)
    assert serves(supervisor) == 'openvino'
    assert segment(supervisor).class_ids.any()
    assert scene.notes.errors == ['backend tensorrt: device lost']
    assert supervisor.status().level is Level.ERROR
    assert not scene.delays.asked
    assert len(faults.opened) == 1


def test_a_gpu_that_is_lost_without_a_fallback_is_for_a_new_process(faults, scene):
    scene.start()
    faults.is_lost = True
    fail(scene, faults)
    (error,) = scene.notes.bugs
    assert isinstance(error, LostGpuError)
    assert not scene.delays.asked
    scene.notes.bugs.clear()


def test_a_gpu_that_turns_out_to_be_lost_when_opened_again_is_given_up(faults, scene, monkeypatch):
    supervisor = scene.start(cpu_fallback=True)
    faults.is_lost, faults.on_open = True, 'gone'

    def fail_once(engine, images):
        raise EngineError('once')

    monkeypatch.setattr(StandInGpuEngine, '_infer', fail_once)
    with pytest.raises(EngineError, match='once'):
        segment(supervisor)
    until(lambda: 'backend tensorrt: gone' in scene.notes.errors, 'the end of it')
    assert serves(supervisor) == 'openvino'
    assert not scene.delays.asked


def test_without_a_cpu_engine_the_start_says_so_and_waits(faults, scene, monkeypatch):
    def missing(self):
        raise EngineError('not installed')

    faults.built.clear()
    starting = Thread(target=scene.make(cpu_fallback=True).start)
    with monkeypatch.context() as patch:
        for cpu_engine in (OpenVinoBackend, OnnxRuntimeBackend):
            patch.setattr(cpu_engine, '_open', missing)
        starting.start()
        until(lambda: scene.notes.errors, 'the refusal')
    assert scene.notes.errors[0].startswith('no fallback: ')
    faults.built.set()
    starting.join(20)
    assert serves(scene.supervisor) == 'tensorrt'


def test_a_bug_is_told_even_while_nothing_serves(faults, scene, monkeypatch):
    scene.start()
    bug = ValueError('a bug')

    def break_down(*arguments):
        raise bug

    monkeypatch.setattr(supervisor_module, 'open_engine', break_down)
    fail(scene, faults)
    until(lambda: scene.notes.bugs, 'the bug')
    assert scene.notes.bugs.pop() is bug


def test_an_engine_that_is_opened_as_the_process_ends_is_closed(faults, scene):
    supervisor = scene.start(cpu_fallback=True)
    faults.on_open = 'no device'
    fail(scene, faults)
    until(lambda: scene.delays.asked, 'the first vain attempt')
    # It is closed between the opening and the exchange, which waits for the frame in work.
    faults.on_open = faults.on_infer = ''
    scene.notes.stop.set()
    with supervisor._in_use:
        scene.delays.num_let_pass = 1
        until(lambda: len(faults.opened) == 2, 'the opening')
        supervisor.close()
    supervisor._thread.join(20)
    assert faults.closed == faults.opened
    assert 'tensorrt has recovered' not in scene.notes.infos


def test_a_fallback_that_fails_loses_one_frame(faults, scene, monkeypatch):
    faults.built.clear()
    supervisor = scene.start(cpu_fallback=True)

    def failing(self, images):
        raise EngineError('out of memory')

    with monkeypatch.context() as patch:
        patch.setattr(OpenVinoBackend, '_infer', failing)
        with pytest.raises(EngineError, match='out of memory'):
            segment(supervisor)
    assert supervisor.status().level is Level.WARN
    assert segment(supervisor).mask().any()
    faults.built.set()
    until(lambda: serves(supervisor) == 'tensorrt', 'the engine')


def test_a_cpu_engine_recovers_too_and_as_itself(scene, monkeypatch):
    supervisor = scene.start('onnxruntime', cpu_fallback=True)

    def failing(self, images):
        raise EngineError('out of memory')

    with monkeypatch.context() as patch:
        patch.setattr(OnnxRuntimeBackend, '_infer', failing)
        with pytest.raises(EngineError, match='out of memory'):
            segment(supervisor)
    until(lambda: supervisor.status().level is not Level.ERROR or scene.delays.asked, 'an end')
    scene.delays.num_let_pass = 9
    until(lambda: supervisor.status().level is Level.OK, 'the recovery')
    assert serves(supervisor) == 'onnxruntime'
    assert not [line for line in scene.notes.infos if 'fallback' in line]


def test_a_frame_that_cannot_be_read_is_no_fault_of_the_engine(faults, scene):
    supervisor = scene.start()
    with pytest.raises(FrameError):
        segment(supervisor, RawFrame(np.zeros(3, np.uint8), 'bgr8', ImageSize(32, 64), 192))
    assert supervisor.status().level is Level.OK


def test_another_model_takes_over_and_the_old_engine_is_closed(faults, scene, other_model):
    supervisor = scene.start()
    supervisor.set_overlay_opacity(0.25)
    supervisor.swap(other_model)
    until(lambda: scene.notes.num_swaps, 'the swap')
    status = supervisor.status()
    assert status.engine.backend.path == supervisor.model == other_model
    assert status.engine.segmenter.renderer.overlay_opacity == 0.25
    assert segment(supervisor).class_ids.shape == (16, 32)
    until(lambda: faults.closed == faults.opened[:1], 'the old engine to be closed')


def test_the_old_model_serves_while_the_new_one_is_loaded(faults, scene, other_model):
    supervisor = scene.start()
    faults.built.clear()
    supervisor.swap(other_model)
    until(lambda: '40 %' in supervisor.status().message, 'the building')
    assert supervisor.status().level is Level.OK
    assert segment(supervisor).class_ids.shape == (32, 64)
    with pytest.raises(ConfigurationError, match='is being loaded: try again after that'):
        supervisor.swap(scene.model)
    faults.built.set()
    until(lambda: scene.notes.num_swaps, 'the swap')
    assert segment(supervisor).class_ids.shape == (16, 32)


def test_a_file_that_is_no_model_is_refused_at_once(faults, scene, tmp_path):
    supervisor = scene.start()
    with pytest.raises(ModelError, match='not found'):
        supervisor.swap(tmp_path / 'none.onnx')
    assert not supervisor.is_swapping()


def test_a_model_that_cannot_be_loaded_leaves_the_old_one(faults, scene, other_model, tmp_path):
    supervisor = scene.start()
    faults.unfit.add(other_model)
    supervisor.swap(other_model)
    until(lambda: scene.notes.num_swaps, 'the end of the swap')
    status = supervisor.status()
    assert status.level is Level.WARN
    assert f'model {other_model} not taken' in status.message
    assert len(scene.notes.errors) == 1
    assert supervisor.model == scene.model
    assert segment(supervisor).class_ids.shape == (32, 64)
    third = tmp_path / 'third.onnx'
    shutil.copy(other_model, third)
    supervisor.swap(third)
    until(lambda: scene.notes.num_swaps == 2, 'the next swap')
    assert supervisor.status().level is Level.OK


def test_a_model_may_replace_one_whose_engine_has_failed(faults, scene, other_model):
    supervisor = scene.start()
    faults.unfit.add(scene.model)
    fail(scene, faults)
    faults.on_infer = ''
    until(lambda: scene.delays.asked == [1], 'the first vain attempt')
    supervisor.swap(other_model)
    until(lambda: scene.notes.num_swaps, 'the swap')
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
        fail(scene, faults)
        faults.on_infer = ''
        supervisor.swap(other_model)
    until(lambda: scene.notes.num_swaps, 'the swap')
    assert closed_before == [faults.opened[:1]]


def test_no_frame_is_lost_or_mixed_up_by_swaps(faults, scene, other_model):
    supervisor = scene.start()
    shapes = []
    for num in range(1, 9):
        supervisor.swap(other_model if num % 2 else scene.model)
        while scene.notes.num_swaps < num:
            shapes.append(segment(supervisor).class_ids.shape)
    assert set(shapes) == {(32, 64), (16, 32)}
    until(lambda: len(faults.closed) == 8, 'every replaced engine to be closed')


def test_a_bug_while_opening_leaves_start(faults, scene, monkeypatch):
    monkeypatch.setattr(StandInGpuEngine, '_open', lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scene.start()


def test_a_bug_in_the_thread_is_handed_on(faults, scene, other_model, monkeypatch):
    supervisor = scene.start()
    monkeypatch.setattr(StandInGpuEngine, '_open', lambda self: 1 / 0)
    supervisor.swap(other_model)
    until(lambda: scene.notes.bugs, 'the bug')
    assert isinstance(scene.notes.bugs.pop(), ZeroDivisionError)
