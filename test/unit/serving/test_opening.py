"""The choice of an engine, by name and by trial."""

from __future__ import annotations

import subprocess
import sys

import pytest

from unet_seg_ros.core.backend import EngineOptions, Watch
from unet_seg_ros.core.errors import EngineError, ModelError
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.serving.opening import AUTO, open_engine


def test_auto_takes_the_first_that_works_and_checks_it(faults, known_model):
    with open_engine(known_model) as engine:
        assert engine.backend.name == 'tensorrt'
        assert engine.passed_over == ()
        assert engine.known_answer is not None
        assert str(engine) == 'known on tensorrt fp32, input 64x32'


def test_auto_says_for_each_engine_why_it_was_passed_over(faults, known_model):
    faults.on_open = 'no driver'
    with open_engine(known_model) as engine:
        assert engine.backend.name == 'openvino'
        assert engine.known_answer is None
        first, second = engine.passed_over
    assert first == 'tensorrt passed over: no driver'
    assert second.startswith('tensorrt_rtx passed over: ')


def test_an_engine_of_wrong_answers_is_passed_over_and_closed(faults, known_model):
    faults.is_wrong = True
    with open_engine(known_model) as engine:
        assert 'tensorrt passed over: gives wrong answers' in engine.passed_over[0]
    assert len(faults.opened) == len(faults.closed) == 1


def test_a_precision_that_an_engine_lacks_passes_it_over(faults, known_model):
    with open_engine(known_model, options=EngineOptions(precision='bf16')) as engine:
        assert engine.backend.name == 'openvino'
        assert "'bf16' is not one of" in engine.passed_over[0]


def test_a_named_engine_is_that_engine_or_an_error(faults, known_model):
    faults.on_open = 'no driver'
    with pytest.raises(EngineError, match='backend tensorrt: no driver'):
        open_engine(known_model, 'tensorrt')
    faults.on_open, faults.is_wrong = '', True
    with pytest.raises(EngineError, match='wrong answers'):
        open_engine(known_model, 'tensorrt')
    assert len(faults.closed) == 1


def test_without_any_engine_every_reason_is_given(faults, known_model, monkeypatch):
    faults.on_open = 'no driver'

    def missing(self):
        raise EngineError(f'backend {self.name}: pip install {self.name}')

    monkeypatch.setattr(OnnxRuntimeBackend, '_open', missing)
    monkeypatch.setattr(OpenVinoBackend, '_open', missing)
    with pytest.raises(EngineError) as error:
        open_engine(known_model)
    assert [f'{name} passed over' in str(error.value) for name in AUTO] == [True] * 4
    assert '\n' not in str(error.value)


def test_a_wrong_file_is_nobodys_to_pass_over(tmp_path):
    with pytest.raises(ModelError, match='not found'):
        open_engine(tmp_path / 'none.onnx')


def test_told_to_stop_it_tries_no_other_engine(faults, known_model):
    class Stopped(Watch):
        def is_stopped(self) -> bool:
            return True

    faults.built.clear()
    with pytest.raises(EngineError, match=r'^stopped$'):
        open_engine(known_model, options=EngineOptions(watch=Stopped()))


def test_a_cpu_engine_opens_without_the_renderer(known_model):
    program = (
        'import sys; from pathlib import Path\n'
        'from unet_seg_ros.serving.opening import open_engine\n'
        f'with open_engine(Path({str(known_model)!r}), "openvino"): pass\n'
        'sys.exit(any("unet_seg_ros.scenes" in name for name in sys.modules))'
    )
    assert subprocess.run([sys.executable, '-c', program], check=False).returncode == 0
