"""An engine of TensorRT on a real GPU: answers, batches, graphs, leaks and faults."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.gpu_memory import free_device_bytes, resident_bytes

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.inference import open_backend
from unet_seg_ros.inference.tensorrt.engine import LoadedEngine, RtxEngine
from unet_seg_ros.serving.opening import open_engine

pytestmark = pytest.mark.gpu

MAX_BATCH = 3

#: Least share of pixels to which TensorRT and ONNX Runtime give the same class.
MIN_AGREEMENT = 0.99

# In a process of its own: what it loses would be lost to the tests that follow.
FAULT = """
import sys
from pathlib import Path
import numpy as np
from support.gpu_fault import lose_device
from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference import open_backend

name, model, engines = sys.argv[1:]
backend = open_backend(Path(model), name, EngineOptions(cache=Path(engines)))
images = np.full((1, *backend.contract.input_size, 3), 90, np.uint8)
with backend:
    before = backend.infer(images)
    print('lost by', lose_device())
    try:
        backend.infer(images)
        print('unnoticed')
    except EngineError as e:
        print('noticed:', e)
with backend:
    after = backend.infer(images)
print('works again' if (after.class_ids == before.class_ids).all() else 'answers otherwise')
"""


@pytest.fixture
def options(engines):
    return EngineOptions(cache=engines, max_batch=MAX_BATCH)


def beside(model: Path, precision: str) -> Path:
    return model if precision == 'fp32' else model.with_stem(f'{model.stem}_{precision}')


def answers(backend, frames, num_images: int) -> np.ndarray:
    """Return the classes of all frames, given in batches of one size."""
    starts = range(0, len(frames), num_images)
    return np.concatenate([backend.infer(frames[s : s + num_images]).class_ids for s in starts])


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_it_says_what_onnx_runtime_says(tensorrt, options, shipped_model, frames, precision):
    path = beside(shipped_model, precision)
    with (
        open_backend(path, 'onnxruntime') as reference,
        open_backend(path, tensorrt, options) as backend,
    ):
        assert backend.precision == precision
        expected, found = reference.infer(frames), backend.infer(frames)
    assert len(np.unique(expected.class_ids)) > 2
    assert (found.class_ids == expected.class_ids).mean() >= MIN_AGREEMENT
    apart = found.confidence.astype(int) - expected.confidence
    assert np.abs(apart).mean() < 255 * (1 - MIN_AGREEMENT)


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_it_gives_the_known_answers_by_which_the_node_trusts_it(
    tensorrt, options, shipped_model, precision
):
    with open_engine(beside(shipped_model, precision), tensorrt, options) as engine:
        assert engine.known_answer is not None
        assert engine.known_answer.is_right()
        assert engine.known_answer.num_classes > 2


def test_a_batch_gives_what_its_images_give_alone(tensorrt, options, shipped_model, frames):
    with open_backend(shipped_model, tensorrt, options) as backend:
        alone = answers(backend, frames, 1)
        # The last of each is a smaller batch, or several: sizes take turns.
        for num_images in (2, MAX_BATCH, MAX_BATCH + 2, 1):
            together = answers(backend, frames, num_images)
            assert (together == alone).mean() >= 0.999, num_images


def test_graphs_give_what_single_calls_give(tensorrt, options, shipped_model, frames, monkeypatch):
    with open_backend(shipped_model, tensorrt, options) as backend:
        by_graph = [answers(backend, frames, n) for n in (1, 2, 3, 1)]
    monkeypatch.setattr(LoadedEngine, 'is_capturable', False)
    monkeypatch.setattr(RtxEngine, 'graph_strategy', 'DISABLED')
    with open_backend(shipped_model, tensorrt, options) as backend:
        by_calls = [answers(backend, frames, n) for n in (1, 2, 3, 1)]
    np.testing.assert_array_equal(by_graph, by_calls)


def test_another_thread_may_run_it(tensorrt, options, shipped_model, frames):
    with open_backend(shipped_model, tensorrt, options) as backend, ThreadPoolExecutor(1) as pool:
        there = pool.submit(answers, backend, frames, 2).result()
        np.testing.assert_array_equal(there, answers(backend, frames, 2))


@pytest.mark.timeout(900)
def test_10000_frames_leak_nothing(tensorrt, options, shipped_model, frames):
    def run(num_frames: int) -> None:
        for i in range(num_frames):
            backend.infer(frames[: 1 + i % MAX_BATCH])

    with open_backend(shipped_model, tensorrt, options) as backend:
        run(500)
        device, resident = free_device_bytes(), resident_bytes()
        run(10_000)
        assert device - free_device_bytes() < 8 << 20
        assert resident_bytes() - resident < 16 << 20


@pytest.mark.timeout(300)
def test_opening_again_and_again_leaks_nothing(tensorrt, options, shipped_model):
    def open_and_close(times: int) -> None:
        for _ in range(times):
            with open_backend(shipped_model, tensorrt, options):
                pass

    open_and_close(3)
    before = free_device_bytes()
    open_and_close(20)
    assert before - free_device_bytes() < 8 << 20


def test_a_fault_is_an_engine_error_and_the_engine_can_be_opened_again(
    tensorrt, engines, shipped_model
):
    ran = subprocess.run(
        [sys.executable, '-c', FAULT, tensorrt, str(shipped_model), str(engines)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ran.stdout.splitlines()
    assert lines[:1] == ['lost by CUDA_ERROR_ILLEGAL_ADDRESS'], ran.stderr
    assert lines[1].startswith('noticed: '), ran.stderr
    assert lines[2:] == ['works again'], ran.stderr
