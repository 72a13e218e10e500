"""
The GPU as running an engine needs it: buffers, a stream, copies, graphs, and nothing else.

`CudaDevice` is the interface, `CudaRuntime` is CUDA's runtime library behind it. The library is
imported by the constructor alone.
"""

from __future__ import annotations

import ctypes
import threading
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar, Protocol

import numpy as np

from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.core.size import ByteArray

#: Errors that lose everything the process has on the device: of each, the documentation of
#: ``cudaError`` says that any further work returns the same error.
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


class DeviceFaultError(EngineError):
    """An error of the GPU that takes it from this process, until all that holds it is closed."""


class CudaDevice(Protocol):
    """
    One GPU, as a runner of engines sees it.

    Streams, graphs and device addresses are plain integers. Every method but the ``free_`` ones
    and `close` raises EngineError, or DeviceFaultError where the device was lost; those never
    raise, so that releasing goes on to its end whatever happened before.
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

    def close(self) -> None:
        """Give the device up, the last of all; after a fault this makes it usable again."""


class CudaRuntime:
    """
    A GPU through CUDA's runtime library (package ``cuda-bindings``); see `CudaDevice`.

    A fault loses the whole process its device. It is reset when the last of the process that
    holds it open is closed: earlier would take memory away from engines that still refer to it.

    Parameters
    ----------
    index : int
        The GPU, as CUDA counts them.

    Raises
    ------
    EngineError
        If cuda-bindings is not installed or does not fit the driver, or there is no such GPU.

    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    #: How many hold each GPU open, and which were lost.
    _num_open: ClassVar[Counter[int]] = Counter()
    _lost: ClassVar[set[int]] = set()

    def __init__(self, index: int) -> None:
        """Import the library and select the device for this thread."""
        self._index = index
        self._cuda = _import_runtime()
        with self._lock:
            self._num_open[index] += 1
        try:
            self.select()
        except EngineError:
            # One that was lost unnoticed is reset here, for the next attempt.
            self.close()
            raise

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

    def close(self) -> None:
        """Give the device up; the last to do so resets a lost one."""
        with self._lock:
            self._num_open[self._index] -= 1
            if self._index in self._lost and not self._num_open[self._index]:
                self._cuda.cudaSetDevice(self._index)
                self._cuda.cudaDeviceReset()
                self._lost.discard(self._index)

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
            with self._lock:
                self._lost.add(self._index)
            return DeviceFaultError(f'{text}; the engine must be opened again')
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
