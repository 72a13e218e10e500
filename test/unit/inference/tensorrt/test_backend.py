"""Order and release of opening and closing: engines are really built, but run by stand-ins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.device_stand_ins import REFUSED, StandInDevice, StandInRtx

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference import open_backend
from unet_seg_ros.inference.tensorrt import backend as backend_module
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS, Flavour
from unet_seg_ros.inference.tensorrt.probe import Gpu

GPU = Gpu(1, 'Stand-in', (8, 9), 1 << 30, 13000)

# A child, so that what this process imported before does not count.
WITHOUT_DRIVER = """
import sys
from pathlib import Path
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference import open_backend
from unet_seg_ros.inference.tensorrt import probe

probe._LIBRARY = 'libcuda-that-is-not-there.so.1'
for name in ('tensorrt', 'tensorrt_rtx'):
    try:
        open_backend(Path(sys.argv[1]), name).__enter__()
    except EngineError as e:
        print(name, e)
print([name for name in sys.modules if name.startswith(('tensorrt', 'cuda', 'torch'))])
"""


@pytest.fixture
def device(monkeypatch):
    device = StandInDevice()
    monkeypatch.setattr(backend_module, 'CudaRuntime', lambda index: device)
    monkeypatch.setattr(backend_module, 'require_cuda', lambda: None)
    return device


@pytest.fixture
def trt(monkeypatch, device):
    """Return a stand-in for TensorRT-RTX; the engine that it is given is built for real."""
    pytest.importorskip('tensorrt_rtx_bindings', reason="pip install '.[tensorrt-rtx]'")
    trt = StandInRtx(device)
    monkeypatch.setattr(backend_module, 'find_gpu', lambda index: GPU)
    monkeypatch.setattr(backend_module, 'check_runtime', lambda flavour, gpu, memory: None)
    monkeypatch.setattr(Flavour, 'load', lambda flavour: trt)
    return trt


def open_rtx(model: Path, cache: Path, max_batch: int = 2):
    return open_backend(model, 'tensorrt_rtx', EngineOptions(cache=cache, max_batch=max_batch))


def images(num: int) -> np.ndarray:
    return np.zeros((num, 32, 64, 3), np.uint8)


def test_without_a_driver_nothing_is_imported_that_could_crash(known_model):
    command = [sys.executable, '-c', WITHOUT_DRIVER, str(known_model)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    *errors, modules = ran.stdout.splitlines()
    assert len(errors) == 2
    for flavour, error in zip(FLAVOURS.values(), errors, strict=True):
        words = 'no NVIDIA driver' if flavour.is_installed() else 'not installed'
        assert error.startswith(flavour.name)
        assert words in error
    assert modules == '[]'


def test_one_that_is_not_installed_says_how_to_come_by_it(known_model, monkeypatch):
    missing = Flavour('tensorrt', ('no_such_module',), 'buy one')
    monkeypatch.setattr(backend_module, 'FLAVOURS', {'tensorrt': missing})
    with pytest.raises(EngineError, match=r'^backend tensorrt: not installed: buy one$'):
        open_backend(known_model, 'tensorrt').__enter__()


def test_a_precision_that_the_file_lacks_is_refused_before_the_gpu_is_looked_for(
    shipped_model, monkeypatch
):
    monkeypatch.setattr(Flavour, 'is_installed', lambda flavour: True)
    with pytest.raises(EngineError, match=r'computes in fp32, not fp16: use .*_fp16\.onnx'):
        open_backend(shipped_model, 'tensorrt_rtx', EngineOptions(precision='fp16')).__enter__()


def test_cuda_is_missed_before_an_engine_is_built(known_model, tmp_path, trt, monkeypatch):
    def require_cuda():
        raise EngineError('pip install cuda-bindings')

    monkeypatch.setattr(backend_module, 'require_cuda', require_cuda)
    with pytest.raises(EngineError, match='cuda-bindings'):
        open_rtx(known_model, tmp_path).__enter__()
    assert not list(tmp_path.glob('*.engine'))


def test_it_warms_up_every_size_and_keeps_the_kernels(known_model, tmp_path, trt, device):
    with open_rtx(known_model, tmp_path) as backend:
        assert backend.precision == 'fp32'
        assert [context.shape[0] for context in trt.contexts] == [1, 2]
        (kernels,) = tmp_path.glob('*.kernels')
        assert kernels.read_bytes().endswith(b'compiled')
        device.calls.clear()
        backend.infer(images(2))
        assert [c[0] for c in device.calls] == [
            *('select', 'copy_in', 'run', 'copy_out', 'copy_out', 'copy_out', 'synchronize')
        ]


def test_batches_above_the_largest_are_run_in_parts(known_model, tmp_path, trt, device):
    with open_rtx(known_model, tmp_path) as backend:
        device.calls.clear()
        prediction = backend.infer(images(5))
    assert [call[1] for call in device.calls if call[0] == 'run'] == [2, 2, 1]
    assert prediction.class_ids.shape == (5, 32, 64)
    assert prediction.confidence.shape == (5, 8, 16)
    assert prediction.group_probability.shape == (5, 1, 8, 16)


def test_closing_releases_all(known_model, tmp_path, trt, device):
    for _ in range(2):
        with open_rtx(known_model, tmp_path):
            trt.contexts.clear()
            trt.config = None
        assert not device.live
    assert trt.released[-4:] == ['config', 'kernels', 'engine', 'runtime']


@pytest.mark.parametrize('step', ['allocate', 'copy_out', 'synchronize'])
def test_opening_that_fails_half_way_releases_all(known_model, tmp_path, trt, device, step):
    device.failing[step] = REFUSED
    with pytest.raises(EngineError, match='refused'):
        open_rtx(known_model, tmp_path).__enter__()
    assert not device.live
    assert 'engine' in trt.released or not trt.contexts


def test_a_plan_that_tensorrt_refuses_takes_nothing_of_the_device(
    known_model, tmp_path, trt, device
):
    trt.validity = (trt.EngineValidity.INVALID, 2)
    with pytest.raises(EngineError, match='UNSUPPORTED_CC'):
        open_rtx(known_model, tmp_path).__enter__()
    assert device.calls == []


def test_the_gpu_that_was_asked_for_is_the_one_that_is_looked_for(known_model, monkeypatch):
    def find_gpu(index):
        raise EngineError(f'looked for {index}')

    monkeypatch.setattr(backend_module, 'find_gpu', find_gpu)
    monkeypatch.setattr(Flavour, 'is_installed', lambda flavour: True)
    for name in FLAVOURS:
        with pytest.raises(EngineError, match='looked for 3'):
            open_backend(known_model, name, EngineOptions(gpu=3)).__enter__()
