"""TensorRT-RTX's own builder, in the child process in which the package runs it."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter

import onnx
import pytest
from support.child_processes import builder_of, children_of

from unet_seg_ros.core.contract import PRECISIONS
from unet_seg_ros.core.errors import EngineError, ModelError
from unet_seg_ros.inference.tensorrt import build as building
from unet_seg_ros.inference.tensorrt.build import BuildRequest, BuildSummary, build
from unet_seg_ros.inference.tensorrt.flavours import Flavour
from unet_seg_ros.inference.tensorrt.probe import Gpu

GPU = Gpu(1, 'a GPU', (8, 9), 24 << 30, 13000)


@pytest.fixture
def plan(tmp_path):
    return tmp_path / 'plan'


@pytest.fixture
def before(listener):
    """Return what does something to the child once, while it works."""

    def once(does) -> None:
        def do() -> None:
            listener.before = lambda: None
            does(builder_of(os.getpid()))

        listener.before = do

    return once


@pytest.mark.parametrize('precision', PRECISIONS)
def test_each_shipped_file_is_built_for_batches(rtx, shipped_model, plan, listener, precision):
    suffix = '' if precision == 'fp32' else f'_{precision}'
    model = shipped_model.with_stem(shipped_model.stem + suffix)
    summary = build(BuildRequest(model, rtx, 3), plan, listener)
    assert summary.engine_bytes == plan.stat().st_size > 1_000_000
    assert summary.precision == precision
    assert summary.device_memory_bytes > 1_000_000
    # Normalisation, ReLU, argmax, softmax and quantization are parts of generated kernels or of
    # the convolutions: these alone remain (two for each of nine blocks, the head, and the sum over
    # groups, which is in fp32), with the pooling and the transposed convolution of each level.
    read = {'fp32': 'Float', 'fp16': 'Half', 'int8': 'Int8'}[precision]
    kinds = Counter((kind, of) for _, kind, of in summary.layers)
    convolutions = {of for kind, of in kinds if kind == 'correlation'}
    assert convolutions == {read, 'Float'}
    assert kinds['correlation', read] == (20 if precision == 'fp32' else 19)
    assert kinds['maxpool', read] == 4
    assert Counter(kind for _, kind, _ in summary.layers)['deconv'] == 4
    assert {kind for _, kind, _ in summary.layers} == {
        'correlation', 'deconv', 'maxpool', 'kgen', 'shape_call',
    }  # fmt: skip
    assert len(summary.layers) < summary.network_layers / 3
    assert BuildSummary.from_dict(summary.to_dict()) == summary


def test_larger_batches_take_more_memory(rtx, shipped_model, plan, listener):
    one, six = (
        build(BuildRequest(shipped_model, rtx, n), plan, listener).device_memory_bytes
        for n in (1, 6)
    )
    assert six > one


def test_an_engine_for_turing_is_another(rtx, shipped_model, plan, listener):
    model = shipped_model.with_stem(f'{shipped_model.stem}_fp16')
    turing = Gpu(0, 'NVIDIA GeForce RTX 2080 Ti', (7, 5), 11 << 30, 13000)
    portable, same, other = (
        build(BuildRequest(model, rtx, 1, gpu), plan, listener) for gpu in (None, GPU, turing)
    )
    assert portable.engine_bytes == same.engine_bytes != other.engine_bytes


def test_progress_is_told(rtx, shipped_model, plan, listener, monkeypatch):
    monkeypatch.setattr(building, '_SAY_EVERY_S', 0.0)
    build(BuildRequest(shipped_model, rtx, 1), plan, listener)
    what = f'building an engine of {shipped_model.name} with tensorrt_rtx'
    assert all(line.startswith(what) for line in listener.lines)
    assert any(re.search(r': \w.*, \d+ %$', line) for line in listener.lines)


def test_what_tensorrt_cannot_read_is_told_in_its_own_words(rtx, known_model, plan, listener):
    model = onnx.load(known_model)
    next(n for n in model.graph.node if n.op_type == 'Floor').op_type = 'Magic'
    path = plan.with_name('magic.onnx')
    onnx.save(model, path)
    with pytest.raises(EngineError, match=r'^building an engine of magic\.onnx .*Magic') as told:
        build(BuildRequest(path, rtx, 1), plan, listener)
    assert '\n' not in str(told.value)
    assert not plan.exists()


def test_a_file_without_contract_is_refused(rtx, tmp_path, plan, listener):
    (tmp_path / 'model.onnx').write_bytes(b'no model')
    with pytest.raises(ModelError, match='not a readable ONNX file'):
        build(BuildRequest(tmp_path / 'model.onnx', rtx, 1), plan, listener)


def test_a_fixed_batch_is_refused_in_one_line(rtx, known_model, plan, listener):
    model = onnx.load(known_model)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    path = plan.with_name('fixed.onnx')
    onnx.save(model, path)
    with pytest.raises(EngineError, match='for batches of 2 alone'):
        build(BuildRequest(path, rtx, 3), plan, listener)


def test_stopping_ends_a_builder_that_hangs(rtx, known_model, plan, listener, before):
    def hang(child: int) -> None:
        os.kill(child, signal.SIGSTOP)
        listener.stops = True

    before(hang)
    with pytest.raises(EngineError, match=r'stopped$'):
        build(BuildRequest(known_model, rtx, 1), plan, listener)
    assert children_of(os.getpid()) == []


def test_a_builder_that_crashes_is_told(rtx, known_model, plan, listener, before):
    before(lambda child: os.kill(child, signal.SIGSEGV))
    with pytest.raises(EngineError, match='died by SIGSEGV'):
        build(BuildRequest(known_model, rtx, 1), plan, listener)


def test_no_batch_is_refused(rtx, known_model):
    with pytest.raises(EngineError, match='max_batch 0'):
        BuildRequest(known_model, rtx, 0)


def test_tensorrt_needs_a_gpu(known_model):
    with pytest.raises(EngineError, match='only for a GPU that is here'):
        BuildRequest(known_model, Flavour('tensorrt', ('tensorrt',), ''), 1)


@pytest.mark.parametrize(('visible', 'only'), [(None, '1'), ('', '1'), ('3,5', '5')])
def test_the_builder_sees_the_chosen_gpu_alone(monkeypatch, visible, only):
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    assert building._only(GPU) == {'CUDA_VISIBLE_DEVICES': only}
