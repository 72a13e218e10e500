"""
The GPU as running an engine needs it: buffers, a stream, copies, graphs, and nothing else.

`CudaDevice` is the interface, `CudaRuntime` is CUDA's runtime library behind it. The library is
imported by the constructor alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from unet_seg_ros.core.errors import EngineError, LostGpuError, one_line
from unet_seg_ros.core.size import ByteArray

#: Errors after which the documentation of ``cudaError`` wants the process ended and started again.
#: It is right: on an H100 under CUDA 13 no device could be had after cudaDeviceReset.
_FAULTS = frozenset({
    'cudaErrorAssert',
    'cudaErrorContained',
    'cudaErrorExternalDevice',
    'cudaErrorHardwareStackError',
    'cudaErrorIllegalAddress',
    'cudaErrorIllegalInstruction',
    'cudaErrorInvalidAddressSpace',
    'cudaErrorInvalidPc',
    'cudaErrorLaunchFailure',
    'cudaErrorLaunchTimeout',
    'cudaErrorMisalignedAddress',
    'cudaErrorMpsClientTerminated',
    'cudaErrorTensorMemoryLeak',
})  # fmt: skip

_REMEDIES = {
    'cudaErrorInsufficientDriver': (
        '; update the NVIDIA driver, or pip install the cuda-bindings of its CUDA version'
    ),
    'cudaErrorMemoryAllocation': '; lower max_batch, or free memory of the GPU',
}


class CudaDevice(Protocol):
    """
    One GPU, as a runner of engines sees it.

    Streams, graphs and device addresses are plain integers. Every method but the ``free_`` ones
    raises EngineError, or LostGpuError where the device was lost; those never raise, so that
    releasing goes on to its end whatever happened before.
    """

    def select(self) -> None:
        """Make it the device of the calling thread; each thread has its own."""

    def new_stream(self) -> int:
        """Return a stream that waits for no other."""

    def free_stream(self, stream: int) -> None:
        """Release a stream."""

    def allocate_host(self, num_bytes: int) -> ByteArray:
        """Return host memory that the device copies from and to by itself, as uint8 [B]."""

    def free_host(self, buffer: ByteArray) -> None:
        """Release host memory; no view of it may be used any more."""

    def allocate(self, num_bytes: int) -> int:
        """Return the address of device memory."""

    def free(self, address: int) -> None:
        """Release device memory."""

    def copy_in(self, address: int, source: ByteArray, stream: int) -> None:
        """Begin to copy host memory to the device."""

    def copy_out(self, target: ByteArray, address: int, stream: int) -> None:
        """Begin to copy device memory to the host."""

    def synchronize(self, stream: int) -> None:
        """Wait for all that was begun on a stream."""

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        """Return a graph of what `enqueue` puts on a stream; nothing of it is carried out."""

    def launch(self, graph: int, stream: int) -> None:
        """Begin to carry out a graph."""

    def free_graph(self, graph: int) -> None:
        """Release a graph."""


class CudaRuntime:
    """
    A GPU through CUDA's runtime library (package ``cuda-bindings``); see `CudaDevice`.

    Parameters
    ----------
    index : int
        The GPU, as CUDA counts them.

    Raises
    ------
    EngineError
        If cuda-bindings is not installed or does not fit the driver, or there is no such GPU.

    """

    def __init__(self, index: int) -> None:
        """Import the library and select the device for this thread."""
        self._index = index
        self._cuda = _import_runtime()
        self.select()

    def select(self) -> None:
        """Make it the device of the calling thread."""
        self._call('cudaSetDevice', self._index)

    def new_stream(self) -> int:
        """Return a stream that waits for no other, the default stream included."""
        return int(self._call('cudaStreamCreateWithFlags', self._cuda.cudaStreamNonBlocking))

    def free_stream(self, stream: int) -> None:
        """Release a stream."""
        self._cuda.cudaStreamDestroy(stream)

    def allocate_host(self, num_bytes: int) -> ByteArray:
        """Return page-locked host memory as uint8 [num_bytes]."""
        address = self._call('cudaHostAlloc', num_bytes, self._cuda.cudaHostAllocDefault)
        return np.ctypeslib.as_array((ctypes.c_uint8 * num_bytes).from_address(int(address)))

    def free_host(self, buffer: ByteArray) -> None:
        """Release page-locked host memory."""
        self._cuda.cudaFreeHost(buffer.ctypes.data)

    def allocate(self, num_bytes: int) -> int:
        """Return the address of device memory, aligned for any use."""
        return int(self._call('cudaMalloc', num_bytes))

    def free(self, address: int) -> None:
        """Release device memory."""
        self._cuda.cudaFree(address)

    def copy_in(self, address: int, source: ByteArray, stream: int) -> None:
        """Begin to copy contiguous host memory to the device."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call('cudaMemcpyAsync', address, source.ctypes.data, source.nbytes, kind, stream)

    def copy_out(self, target: ByteArray, address: int, stream: int) -> None:
        """Begin to copy device memory to contiguous host memory."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call('cudaMemcpyAsync', target.ctypes.data, address, target.nbytes, kind, stream)

    def synchronize(self, stream: int) -> None:
        """Wait for all that was begun on a stream; errors of that work appear here."""
        self._call('cudaStreamSynchronize', stream)

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        """Return an executable graph of what `enqueue` puts on a stream."""
        # Of this thread only: another one may be allocating for the next engine meanwhile, which
        # the global mode forbids to all of the process.
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call('cudaStreamBeginCapture', stream, mode)
        try:
            enqueue()
        except EngineError:
            _, graph = self._cuda.cudaStreamEndCapture(stream)
            self._free_captured(graph)
            raise
        graph = self._call('cudaStreamEndCapture', stream)
        try:
            return int(self._call('cudaGraphInstantiate', graph, 0))
        finally:
            self._free_captured(graph)

    def launch(self, graph: int, stream: int) -> None:
        """Begin to carry out a graph."""
        self._call('cudaGraphLaunch', graph, stream)

    def free_graph(self, graph: int) -> None:
        """Release a graph."""
        self._cuda.cudaGraphExecDestroy(graph)

    def _free_captured(self, graph: Any) -> None:
        """Release what a capture gave; a capture that failed gives none."""
        if graph is not None and int(graph):
            self._cuda.cudaGraphDestroy(graph)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call a function of the library and return what it gives beside its error code."""
        error, *given = getattr(self._cuda, name)(*arguments)
        if int(error):
            raise self._error(name, error)
        return given[0] if given else None

    def _error(self, function: str, error: Any) -> EngineError:
        text = f'GPU {self._index}: {_words(self._cuda, function, error)}'
        if error.name in _FAULTS:
            return LostGpuError(f'{text}; it is lost to this process: start that again')
        return EngineError(text)


def require_cuda() -> None:
    """
    Make sure that CUDA's runtime library is there and fits the driver; nothing is allocated.

    Raises
    ------
    EngineError
        If it is not or does not.

    """
    cuda = _import_runtime()
    error, _ = cuda.cudaGetDeviceCount()
    if int(error):
        raise EngineError(_words(cuda, 'cudaGetDeviceCount', error))


def _words(cuda: Any, function: str, error: Any) -> str:
    _, words = cuda.cudaGetErrorString(error)
    return f'{function}: {error.name} ({words.decode()}){_REMEDIES.get(error.name, "")}'


def _import_runtime() -> ModuleType:
    try:
        from cuda.bindings import runtime
    except ImportError as e:
        raise EngineError(
            f'CUDA for Python cannot be loaded: pip install cuda-bindings ({one_line(e)})'
        ) from e
    module: ModuleType = runtime
    return module
