"""The node around an engine that is built, fails, recovers and is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from support import stand_in_engines
from support.known_model import write_known_model
from support.stage import Stage, engine_of, picture, pixels, to_message
from support.stand_in_engines import Faults

from unet_seg_ros.core.size import ImageSize

pytestmark = pytest.mark.ros

MASK = 'camera/segmentation/mask'
FAILED = 'device lost'


@pytest.fixture
def faults(monkeypatch) -> Faults:
    """Return the switches of a stand-in for a GPU engine, which is called tensorrt."""
    return stand_in_engines.install(monkeypatch)


@pytest.fixture
def other_model(tmp_path) -> Path:
    return write_known_model(tmp_path / 'other.onnx', ImageSize(16, 32))


def set_model(node, path: Path | str) -> tuple[bool, str]:
    (result,) = node.set_parameters([Parameter('model', value=str(path))])
    return result.successful, result.reason


def model_parameter(node) -> str:
    return node.get_parameter('model').value


def engine_says(stage: Stage, level: bytes, *words: str) -> bool:
    """Return whether the newest diagnostics have that of the engine."""
    if not stage.received['/diagnostics']:
        return False
    (status,) = (s for s in stage.received['/diagnostics'][-1].status if 'engine' in s.name)
    text = ' '.join([status.message, *(v.value for v in status.values)])
    return status.level == level and all(word in text for word in words)


def log(capfd, level: str) -> list[str]:
    return [line for line in capfd.readouterr().err.splitlines() if f'[{level}]' in line]


def test_auto_says_what_it_passes_over_in_log_and_diagnostics(
    stage: Stage, known_model, faults, capfd
):
    faults.on_open = 'no driver'
    stage.start_active(model=str(known_model), diagnostics_period_s=0.1)
    said = [line for line in log(capfd, 'INFO') if 'passed over' in line]
    assert ['tensorrt passed over: no driver' in said[0], len(said)] == [True, 2]
    stage.listen('/diagnostics', kind=DiagnosticArray)
    stage.spin_until(
        lambda: engine_says(stage, b'\0', 'tensorrt passed over: no driver', 'not needed'),
        'the engines that were passed over',
    )


def test_diagnostics_tell_how_the_answers_compare(stage: Stage, known_model, faults):
    stage.start_active(model=str(known_model), backend='tensorrt', diagnostics_period_s=0.1)
    stage.listen('/diagnostics', kind=DiagnosticArray)
    stage.spin_until(lambda: engine_says(stage, b'\0', '100.00% of the pixels'), 'the figure')


@pytest.mark.parametrize(
    ('fault', 'says'),
    [({'on_open': 'no driver'}, 'no driver'), ({'is_wrong': True}, 'gives wrong answers')],
)
def test_a_named_engine_that_cannot_serve_fails_configure(
    stage: Stage, known_model, faults, capfd, fault, says
):
    for name, value in fault.items():
        setattr(faults, name, value)
    node = stage.start_node(model=str(known_model), backend='tensorrt')
    assert node.trigger_configure().name == 'FAILURE'
    (error,) = log(capfd, 'ERROR')
    assert says in error


def test_the_cpu_serves_until_the_engine_is_built(stage: Stage, known_model, faults):
    faults.built.clear()
    node = stage.start_active(
        model=str(known_model), backend='tensorrt', cpu_fallback=True, diagnostics_period_s=0.1
    )
    stage.listen(MASK)
    stage.listen('/diagnostics', kind=DiagnosticArray)
    camera = stage.camera('camera/image_raw')
    camera.publish(to_message(picture(), stamp_ns=1))
    stage.spin_until(lambda: len(stage.received[MASK]) == 1, 'a mask of the fallback')
    stage.spin_until(lambda: engine_says(stage, b'\1', 'openvino', '40 %'), 'a WARN')
    faults.built.set()
    stage.spin_until(lambda: engine_says(stage, b'\0', 'tensorrt'), 'the engine')
    camera.publish(to_message(picture(), stamp_ns=2))
    stage.spin_until(lambda: len(stage.received[MASK]) == 2, 'a mask of the engine')
    assert engine_of(node).backend.name == 'tensorrt'


def test_cleanup_while_an_engine_is_built_and_configured_again(stage: Stage, known_model, faults):
    faults.built.clear()
    node = stage.start_active(model=str(known_model), backend='tensorrt', cpu_fallback=True)
    assert node.trigger_deactivate().name == 'SUCCESS'
    assert node.trigger_cleanup().name == 'SUCCESS'
    faults.built.set()
    assert node.trigger_configure().name == 'SUCCESS'
    assert engine_of(node).backend.name == 'tensorrt'


def test_an_engine_that_fails_is_error_and_recovers(stage: Stage, known_model, faults, capfd):
    node = stage.start_active(model=str(known_model), backend='tensorrt', diagnostics_period_s=0.1)
    stage.listen(MASK)
    stage.listen('/diagnostics', kind=DiagnosticArray)
    camera = stage.camera('camera/image_raw')
    faults.on_infer = faults.on_open = FAILED
    camera.publish(to_message(picture(), stamp_ns=1))
    stage.spin_until(lambda: engine_says(stage, b'\2', FAILED, 'nothing serves'), 'an ERROR')
    camera.publish(to_message(picture(), stamp_ns=2))
    statistics = node._channels[0].statistics
    stage.spin_until(lambda: statistics.failed == 2, 'the second frame to be dropped')
    faults.on_infer = faults.on_open = ''
    stage.spin_until(lambda: engine_says(stage, b'\0', 'tensorrt'), 'the recovery')
    camera.publish(to_message(picture(), stamp_ns=3))
    stage.spin_until(lambda: bool(stage.received[MASK]), 'a mask')
    assert [m.header.stamp.nanosec for m in stage.received[MASK]] == [3]
    told: list[str] = []

    def is_told() -> bool:
        told.extend(line for line in log(capfd, 'INFO') if 'has recovered' in line)
        return bool(told)

    stage.spin_until(is_told, 'the recovery in the log')
    assert len(told) == 1


def test_no_frame_is_lost_while_models_are_swapped(stage: Stage, known_model, other_model, faults):
    node = stage.start_active(model=str(known_model), backend='tensorrt')
    stage.listen(MASK)
    camera = stage.camera('camera/image_raw')
    image = picture(96, 192)
    supervisor = node._engine.supervisor
    sent = 0
    for path in (other_model, known_model, other_model):
        assert set_model(node, path) == (True, '')
        # Frames before, during and after; each is sent when the mask of the one before is here.
        while supervisor.is_swapping() or supervisor.model != path or sent % 5:
            sent += 1
            camera.publish(to_message(image, stamp_ns=sent))
            stage.spin_until(lambda n=sent: len(stage.received[MASK]) == n, f'mask {sent}')
        assert engine_of(node).backend.path == path
    assert sent > 5
    assert [m.header.stamp.nanosec for m in stage.received[MASK]] == list(range(1, sent + 1))
    inner = np.s_[5::12, 5::12]
    for message in stage.received[MASK]:
        assert (pixels(message)[inner] == (image[..., 0] // 64)[inner]).mean() > 0.8
    assert node._channels[0].statistics.failed == 0
    assert model_parameter(node) == str(other_model)


def test_a_file_that_is_no_model_is_refused_with_the_reason(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    is_set, reason = set_model(node, '/nowhere.onnx')
    assert not is_set
    assert '/nowhere.onnx: not found' in reason
    assert model_parameter(node) == str(known_model)


def test_a_model_that_cannot_be_loaded_is_set_back(
    stage: Stage, known_model, other_model, faults, capfd
):
    node = stage.start_active(model=str(known_model), backend='tensorrt', diagnostics_period_s=0.1)
    faults.unfit.add(other_model)
    assert set_model(node, other_model) == (True, '')
    assert model_parameter(node) == str(other_model)
    stage.spin_until(lambda: model_parameter(node) == str(known_model), 'the old value')
    stage.listen(MASK)
    stage.listen('/diagnostics', kind=DiagnosticArray)
    stage.spin_until(lambda: engine_says(stage, b'\1', f'{other_model} not taken'), 'a WARN')
    (error,) = log(capfd, 'ERROR')
    assert str(other_model) in error
    stage.camera('camera/image_raw').publish(to_message(picture()))
    stage.spin_until(lambda: bool(stage.received[MASK]), 'a mask of the old model')
    assert engine_of(node).backend.path == known_model


def test_the_shipped_model_has_its_empty_name_back(stage: Stage, known_model, faults):
    node = stage.start_active(backend='tensorrt')
    faults.unfit.add(known_model)
    assert set_model(node, known_model) == (True, '')
    stage.spin_until(lambda: model_parameter(node) == '', 'the old value')


def test_a_swap_during_another_one_is_refused(stage: Stage, known_model, other_model, faults):
    node = stage.start_active(model=str(known_model), backend='tensorrt')
    faults.built.clear()
    assert set_model(node, other_model) == (True, '')
    is_set, reason = set_model(node, known_model)
    assert not is_set
    assert 'is being loaded' in reason
    faults.built.set()
    stage.spin_until(lambda: engine_of(node).backend.path == other_model, 'the swap')
    assert model_parameter(node) == str(other_model)


def test_a_refused_parameter_beside_the_model_stops_the_swap(
    stage: Stage, known_model, other_model
):
    node = stage.start_active(model=str(known_model))
    both = [Parameter('model', value=str(other_model)), Parameter('gpu', value=1)]
    assert not node.set_parameters_atomically(both).successful
    assert not node._engine.supervisor.is_swapping()
    assert model_parameter(node) == str(known_model)
