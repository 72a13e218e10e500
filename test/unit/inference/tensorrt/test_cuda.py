"""What `CudaRuntime` makes of the library's answers; but for one test a stand-in gives them."""

from __future__ import annotations

import sys
from enum import IntEnum
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from unet_seg_ros.core.errors import EngineError, LostGpuError
from unet_seg_ros.inference.tensorrt import cuda
from unet_seg_ros.inference.tensorrt.cuda import CudaRuntime, require_cuda


class Code(IntEnum):
    """Some of the library's error codes."""

    cudaSuccess = 0  # noqa: N815 - the library's names
    cudaErrorInvalidValue = 1  # noqa: N815
    cudaErrorMemoryAllocation = 2  # noqa: N815
    cudaErrorInsufficientDriver = 35  # noqa: N815
    cudaErrorIllegalAddress = 700  # noqa: N815
    cudaErrorStreamCaptureInvalidated = 901  # noqa: N815


class StandInLibrary:
    """Answers each function with success, or with its code in `codes`, and notes the call."""

    def __init__(self):
        self.cudaStreamNonBlocking, self.cudaHostAllocDefault = 1, 0
        kinds = {'cudaMemcpyHostToDevice': 'in', 'cudaMemcpyDeviceToHost': 'out'}
        self.cudaMemcpyKind = SimpleNamespace(**kinds)
        modes = {'cudaStreamCaptureModeThreadLocal': 'thread'}
        self.cudaStreamCaptureMode = SimpleNamespace(**modes)
        self.calls = []
        self.codes = {}
        self.given = {'cudaStreamCreateWithFlags': 50, 'cudaStreamEndCapture': 60}
        self.given |= {'cudaGraphInstantiate': 70, 'cudaMalloc': 80}

    def cudaGetErrorString(self, code):  # noqa: N802
        return Code.cudaSuccess, f'words of {int(code)}'.encode()

    def __getattr__(self, name):
        def function(*arguments):
            self.calls.append((name, *arguments))
            code = self.codes.get(name, Code.cudaSuccess)
            if name not in self.given:
                return (code,)
            return code, None if code else self.given[name]

        return function

    def names(self):
        return [call[0] for call in self.calls]


@pytest.fixture
def library(monkeypatch):
    library = StandInLibrary()
    monkeypatch.setattr(cuda, '_import_runtime', lambda: library)
    return library


def test_each_call_is_the_librarys(library):
    device = CudaRuntime(1)
    stream = device.new_stream()
    address = device.allocate(24)
    host = np.zeros(24, np.uint8)
    at = host.ctypes.data
    device.copy_in(address, host, stream)
    device.copy_out(host[:8], address, stream)
    device.synchronize(stream)
    device.launch(70, stream)
    device.free_graph(70)
    device.free(address)
    device.free_host(host)
    device.free_stream(stream)
    assert library.calls == [
        ('cudaSetDevice', 1),
        ('cudaStreamCreateWithFlags', 1),
        ('cudaMalloc', 24),
        ('cudaMemcpyAsync', 80, at, 24, 'in', 50),
        ('cudaMemcpyAsync', at, 80, 8, 'out', 50),
        ('cudaStreamSynchronize', 50),
        ('cudaGraphLaunch', 70, 50),
        ('cudaGraphExecDestroy', 70),
        ('cudaFree', 80),
        ('cudaFreeHost', at),
        ('cudaStreamDestroy', 50),
    ]


def test_host_memory_is_the_librarys_own(library):
    memory = np.arange(8, dtype=np.uint8)
    library.given['cudaHostAlloc'] = memory.ctypes.data
    buffer = CudaRuntime(0).allocate_host(8)
    buffer[3] = 99
    assert buffer.dtype == np.uint8
    assert memory.tolist() == [0, 1, 2, 99, 4, 5, 6, 7]


def test_a_capture_gives_an_executable_graph_and_releases_what_it_was_made_of(library):
    device = CudaRuntime(0)
    library.calls.clear()
    assert device.capture(50, lambda: device.copy_in(80, np.zeros(1, np.uint8), 50)) == 70
    assert library.names() == [
        *('cudaStreamBeginCapture', 'cudaMemcpyAsync', 'cudaStreamEndCapture'),
        *('cudaGraphInstantiate', 'cudaGraphDestroy'),
    ]
    assert library.calls[0] == ('cudaStreamBeginCapture', 50, 'thread')


def refuse():
    raise EngineError('refused')


@pytest.mark.parametrize('gives_graph', [False, True])
def test_a_capture_that_fails_is_ended_and_leaves_nothing(library, gives_graph):
    device = CudaRuntime(0)
    if not gives_graph:
        library.codes['cudaStreamEndCapture'] = Code.cudaErrorStreamCaptureInvalidated
    library.calls.clear()
    with pytest.raises(EngineError, match=r'^refused$'):
        device.capture(50, refuse)
    expected = ['cudaStreamBeginCapture', 'cudaStreamEndCapture']
    assert library.names() == [*expected, *(['cudaGraphDestroy'] if gives_graph else [])]


def test_a_graph_that_cannot_be_instantiated_is_released(library):
    device = CudaRuntime(0)
    library.codes['cudaGraphInstantiate'] = Code.cudaErrorInvalidValue
    with pytest.raises(EngineError, match='cudaGraphInstantiate'):
        device.capture(50, lambda: None)
    assert library.calls[-1] == ('cudaGraphDestroy', 60)


def test_an_error_is_one_line_that_names_gpu_function_and_remedy(library):
    device = CudaRuntime(3)
    library.codes['cudaMalloc'] = Code.cudaErrorMemoryAllocation
    with pytest.raises(EngineError) as error:
        device.allocate(8)
    assert not isinstance(error.value, LostGpuError)
    assert str(error.value) == (
        'GPU 3: cudaMalloc: cudaErrorMemoryAllocation (words of 2); '
        'lower max_batch, or free memory of the GPU'
    )


def test_releasing_never_raises(library):
    device = CudaRuntime(0)
    release = ('cudaStreamDestroy', 'cudaFreeHost', 'cudaFree', 'cudaGraphExecDestroy')
    library.codes |= dict.fromkeys(release, Code.cudaErrorIllegalAddress)
    device.free_graph(70)
    device.free(80)
    device.free_host(np.zeros(1, np.uint8))
    device.free_stream(50)


def test_a_fault_is_told_from_other_errors_with_what_helps(library):
    device = CudaRuntime(0)
    library.codes['cudaStreamSynchronize'] = Code.cudaErrorIllegalAddress
    with pytest.raises(LostGpuError) as error:
        device.synchronize(50)
    assert str(error.value) == (
        'GPU 0: cudaStreamSynchronize: cudaErrorIllegalAddress (words of 700); '
        'it is lost to this process: start that again'
    )


def test_a_device_that_cannot_be_selected_is_not_opened(library):
    library.codes['cudaSetDevice'] = Code.cudaErrorInsufficientDriver
    with pytest.raises(EngineError, match='update the NVIDIA driver'):
        CudaRuntime(0)


def test_a_library_that_does_not_fit_the_driver_is_told_before_anything_is_made(library):
    library.given['cudaGetDeviceCount'] = 1
    require_cuda()
    library.codes['cudaGetDeviceCount'] = Code.cudaErrorInsufficientDriver
    with pytest.raises(EngineError, match='update the NVIDIA driver, or pip install'):
        require_cuda()
    assert set(library.names()) == {'cudaGetDeviceCount'}


def test_without_the_library_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cuda', ModuleType('cuda'))
    monkeypatch.setitem(sys.modules, 'cuda.bindings', None)
    with pytest.raises(EngineError, match='pip install cuda-bindings') as error:
        CudaRuntime(0)
    assert '\n' not in str(error.value)


def test_the_real_library_has_all_that_is_used():
    runtime = pytest.importorskip('cuda.bindings.runtime', reason="pip install '.[tensorrt]'")
    for name in [
        *('cudaSetDevice', 'cudaStreamCreateWithFlags', 'cudaStreamDestroy', 'cudaHostAlloc'),
        *('cudaFreeHost', 'cudaMalloc', 'cudaFree', 'cudaMemcpyAsync', 'cudaStreamSynchronize'),
        *('cudaStreamBeginCapture', 'cudaStreamEndCapture', 'cudaGraphInstantiate'),
        *('cudaGraphDestroy', 'cudaGraphLaunch', 'cudaGraphExecDestroy'),
        'cudaGetDeviceCount',
    ]:
        assert callable(getattr(runtime, name)), name
    assert {runtime.cudaStreamNonBlocking, runtime.cudaHostAllocDefault} == {0, 1}
    assert runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
    assert runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
    assert runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
    for code in Code:
        real = getattr(runtime.cudaError_t, code.name)
        assert (real.name, int(real)) == (code.name, code)
    _, words = runtime.cudaGetErrorString(runtime.cudaError_t.cudaErrorIllegalAddress)
    assert b'illegal memory access' in words
    code, *given = runtime.cudaMalloc(1 << 62)
    assert int(code)
    assert given == [None]
