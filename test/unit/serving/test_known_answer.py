"""An engine that gives wrong answers is not trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from support.stand_in_engines import StandInGpuEngine

from unet_seg_ros.core.backend import EngineOptions, Prediction
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.serving.known_answer import check_known_answer, rendered_frames


def test_a_right_engine_passes_in_every_batch(faults, known_model, monkeypatch):
    shown = []
    infer = StandInGpuEngine._infer

    def note(self, images):
        shown.append(len(images))
        return infer(self, images)

    monkeypatch.setattr(StandInGpuEngine, '_infer', note)
    with open_backend(known_model, 'tensorrt', EngineOptions(max_batch=3)) as backend:
        answer = check_known_answer(backend)
    assert shown == [1, 1, 1, 1, 3, 3]
    assert (answer.agreement, answer.difference, answer.num_frames) == (1.0, 0.0, 4)
    assert answer.reference == 'onnxruntime'
    assert answer.num_classes > 1
    assert 'proves little' not in str(answer)


def test_zeros_are_refused_with_the_figure(faults, known_model):
    faults.is_wrong = True
    with (
        open_backend(known_model, 'tensorrt') as backend,
        pytest.raises(EngineError, match=r'wrong answers.* \d+\.\d\d% .*bound 99%') as error,
    ):
        check_known_answer(backend)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('output', ['confidence', 'group_probability'])
def test_probabilities_that_are_off_are_refused(faults, known_model, monkeypatch, output):
    infer = StandInGpuEngine._infer

    def shift(self, images) -> Prediction:
        prediction = infer(self, images)
        return replace(prediction, **{output: getattr(prediction, output) // 2})

    monkeypatch.setattr(StandInGpuEngine, '_infer', shift)
    with (
        open_backend(known_model, 'tensorrt') as backend,
        pytest.raises(EngineError, match='probabilities are 0'),
    ):
        check_known_answer(backend)


def test_a_batch_that_is_mixed_up_is_refused(faults, known_model, monkeypatch):
    infer = StandInGpuEngine._infer

    def mix(self, images) -> Prediction:
        return infer(self, images[::-1].copy())

    monkeypatch.setattr(StandInGpuEngine, '_infer', mix)
    with open_backend(known_model, 'tensorrt') as backend:
        check_known_answer(backend)
    with (
        open_backend(known_model, 'tensorrt', EngineOptions(max_batch=4)) as backend,
        pytest.raises(EngineError, match='wrong answers'),
    ):
        check_known_answer(backend)


def test_a_reference_of_one_class_is_said_to_prove_little(faults, known_model, tmp_path):
    model = onnx.load(known_model)
    share = next(i for i in model.graph.initializer if i.name == 'share')
    share.CopyFrom(onnx.numpy_helper.from_array(np.float32(0), 'share'))
    path = tmp_path / 'one_class.onnx'
    onnx.save(model, path)
    with open_backend(path, 'tensorrt') as backend:
        answer = check_known_answer(backend)
    assert answer.num_classes == 1
    assert 'proves little' in str(answer)


def missing(self) -> None:
    raise EngineError(f'backend {self.name}: pip install {self.name}')


def test_openvino_is_the_reference_where_onnx_runtime_is_missing(known_model, monkeypatch):
    monkeypatch.setattr(OnnxRuntimeBackend, '_open', missing)
    with open_backend(known_model, 'openvino', EngineOptions(precision='fp32')) as backend:
        assert check_known_answer(backend).reference == 'openvino'


def test_without_any_reference_nothing_is_trusted(faults, known_model, monkeypatch):
    with open_backend(known_model, 'tensorrt') as backend:
        monkeypatch.setattr(OnnxRuntimeBackend, '_open', missing)
        monkeypatch.setattr(OpenVinoBackend, '_open', missing)
        with pytest.raises(EngineError, match=r'pip install onnxruntime.*pip install openvino'):
            check_known_answer(backend)


def test_the_frames_are_always_the_same_and_differ():
    size = ImageSize(48, 96)
    first = rendered_frames(size).copy()
    rendered_frames.cache_clear()
    np.testing.assert_array_equal(first, rendered_frames(size))
    assert first.shape == (4, *size, 3)
    assert len({frame.tobytes() for frame in first}) == 4


@pytest.mark.parametrize('precision', ['fp32', 'auto'])
@pytest.mark.parametrize('suffix', ['', '_fp16', '_int8'])
def test_openvino_passes_on_every_shipped_model(shipped_model, suffix, precision):
    path = shipped_model.with_stem(shipped_model.stem + suffix)
    with open_backend(path, 'openvino', EngineOptions(precision=precision)) as backend:
        answer = check_known_answer(backend)
    assert answer.num_classes > 2
