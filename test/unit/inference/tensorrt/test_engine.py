"""TensorRT-RTX's own ways: stand-ins for what needs a GPU, the real module for what does not."""

from __future__ import annotations

import pytest
from support.device_stand_ins import StandInDevice, StandInRtx

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.engine import RtxEngine
from unet_seg_ros.inference.tensorrt.messages import messages_of
from unet_seg_ros.inference.tensorrt.runtime_cache import keep_kernels, load_kernels

ADDRESSES = {'image': 1, 'class_ids': 2, 'confidence': 3, 'group_probability': 4}


class Lines(Watch):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def trt():
    return StandInRtx(StandInDevice())


@pytest.fixture
def watch():
    return Lines()


@pytest.fixture
def kernels(tmp_path):
    return tmp_path / 'engine.kernels'


def test_rtx_captures_its_own_graphs_and_compiles_in_the_first_run(trt, watch, kernels):
    engine = RtxEngine(trt, b'plan', watch, kernels)
    assert not engine.is_capturable
    assert trt.config.cuda_graph_strategy == 'whole'
    assert trt.config.dynamic_shapes_kernel_specialization_strategy == 'eager'
    engine.prepare(2, ADDRESSES, 5)
    (context,) = trt.contexts
    assert context.memory == (5, engine.activation_bytes)


def test_kernels_are_kept_for_a_later_start(trt, watch, kernels):
    engine = RtxEngine(trt, b'plan', watch, kernels)
    engine.prepare(1, ADDRESSES, 5)
    engine.keep_compiled()
    trt.kernels = b''
    RtxEngine(trt, b'plan', watch, kernels)
    assert trt.kernels == b'compiled'
    assert not watch.lines


def test_kernels_that_are_kept_already_are_not_written_again(trt, watch, kernels):
    keep_kernels(kernels, b'kept', watch)
    before = kernels.stat()
    RtxEngine(trt, b'plan', watch, kernels).keep_compiled()
    after = kernels.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_kernels_that_do_not_fit_are_compiled_anew_which_is_said(trt, watch, kernels):
    keep_kernels(kernels, b'other', watch)
    engine = RtxEngine(trt, b'plan', watch, kernels)
    engine.prepare(1, ADDRESSES, 5)
    engine.keep_compiled()
    assert load_kernels(kernels, watch) == b'compiled'
    assert watch.lines == ['stand_in_rtx compiles its kernels anew: those it kept do not fit']


def test_kernels_that_others_could_have_written_are_left_alone(trt, watch, kernels):
    keep_kernels(kernels, b'kept', watch)
    kernels.chmod(0o666)
    RtxEngine(trt, b'plan', watch, kernels)
    assert trt.kernels == b''
    (line,) = watch.lines
    assert 'others may write to it' in line


def test_kernels_that_are_damaged_are_not_loaded(trt, watch, kernels):
    keep_kernels(kernels, b'kept', watch)
    kernels.write_bytes(kernels.read_bytes()[:-1] + b'!')
    RtxEngine(trt, b'plan', watch, kernels)
    assert trt.kernels == b''
    assert watch.lines == [f'kernels are compiled anew: {kernels} is damaged']


def test_a_folder_that_cannot_be_written_costs_the_next_start_time_and_no_more(
    trt, watch, tmp_path
):
    engine = RtxEngine(trt, b'plan', watch, tmp_path / 'gone' / 'engine.kernels')
    engine.prepare(1, ADDRESSES, 5)
    engine.keep_compiled()
    (line,) = watch.lines
    assert 'not kept for the next start' in line


def test_an_engine_that_is_invalid_here_is_refused_with_the_reasons(trt, watch, kernels):
    trt.validity = (trt.EngineValidity.INVALID, 3)
    with pytest.raises(EngineError, match=r'\(VERSION_MISMATCH, UNSUPPORTED_CC\)'):
        RtxEngine(trt, b'plan', watch, kernels)
    assert trt.released == ['runtime']


def test_an_engine_that_is_slow_here_is_taken_and_said_to_be(trt, watch, kernels):
    trt.validity = (trt.EngineValidity.SUBOPTIMAL, 2)
    RtxEngine(trt, b'plan', watch, kernels)
    assert watch.lines == ['stand_in_rtx: the engine may be slow here (UNSUPPORTED_CC)']


def test_all_is_released_in_order(trt, watch, kernels):
    engine = RtxEngine(trt, b'plan', watch, kernels)
    trt.config = None
    engine.close()
    assert trt.released == ['config', 'kernels', 'engine', 'runtime']


def test_what_was_loaded_before_a_failure_is_released(trt, watch, kernels):
    trt.answers['set_runtime_cache'] = False
    with pytest.raises(EngineError, match='refuses its runtime cache') as error:
        RtxEngine(trt, b'plan', watch, kernels)
    assert error.value
    assert [part for part in trt.released if part != 'config'][-2:] == ['engine', 'runtime']


@pytest.fixture
def real():
    return pytest.importorskip(
        'tensorrt_rtx_bindings', reason="pip install '.[tensorrt-rtx]' (Linux on x86-64)"
    )


def test_the_real_module_has_every_name_that_is_used(real):
    for owner, names in {
        real.Runtime: 'deserialize_cuda_engine get_engine_validity',
        real.ICudaEngine: 'create_runtime_config create_execution_context device_memory_size_v2 '
        'num_io_tensors get_tensor_name get_tensor_dtype get_tensor_shape',
        real.IExecutionContext: 'set_device_memory set_tensor_address set_input_shape '
        'execute_async_v3',
        real.IRuntimeConfig: 'create_runtime_cache set_runtime_cache cuda_graph_strategy '
        'dynamic_shapes_kernel_specialization_strategy '
        'set_execution_context_allocation_strategy',
        real.IRuntimeCache: 'serialize deserialize',
        real.CudaGraphStrategy: 'WHOLE_GRAPH_CAPTURE',
        real.DynamicShapesKernelSpecializationStrategy: 'EAGER',
        real.ExecutionContextAllocationStrategy: 'USER_MANAGED',
        real.EngineValidity: 'VALID SUBOPTIMAL INVALID',
        real.EngineInvalidityDiagnostics: '__members__ UNSUPPORTED_CC',
        real.DataType: 'UINT8',
        real.ILogger.Severity: 'ERROR INTERNAL_ERROR',
    }.items():
        for name in names.split():
            assert hasattr(owner, name), f'{owner.__name__}.{name}'


def test_the_real_module_refuses_what_is_no_engine_in_one_line(real, watch, kernels):
    with pytest.raises(
        EngineError, match='tensorrt_rtx_bindings cannot run this engine here'
    ) as e:
        RtxEngine(real, b'no engine' * 100, watch, kernels)
    assert '\n' not in str(e.value)


def test_there_is_one_logger_and_it_forgets_what_was_taken(real):
    logger = messages_of(real)
    assert messages_of(real) is logger
    severity = real.ILogger.Severity
    logger.log(severity.WARNING, 'a warning')
    logger.log(severity.ERROR, 'an error\n in two lines')
    logger.log(severity.INTERNAL_ERROR, 'another')
    assert logger.take() == 'an error in two lines; another'
    assert logger.take() == ''
