"""
Stand-ins for a GPU and for TensorRT's runtime, which execute nothing.

They keep the order of the calls, the sizes of the buffers and what was released, and refuse a
copy that leaves its buffer. What an engine answers cannot be told from them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntFlag
from types import SimpleNamespace
from typing import Any

import numpy as np

from unet_seg_ros.core.errors import EngineError


class StandInDevice:
    """A `CudaDevice` that only takes notes; `failing` maps a method to what it raises."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.live: dict[int, tuple[str, int]] = {}
        self.failing: dict[str, Exception] = {}
        self.graphs: dict[int, list[tuple[Any, ...]]] = {}
        self._next = 1000
        self._captured: list[tuple[Any, ...]] | None = None

    def _note(self, name: str, *arguments: Any) -> None:
        if name in self.failing:
            raise self.failing[name]
        log = self.calls if self._captured is None else self._captured
        log.append((name, *arguments))

    def _new(self, kind: str, size: int = 0) -> int:
        self._next += 1000
        self.live[self._next] = (kind, size)
        return self._next

    def _free(self, kind: str, handle: int) -> None:
        self.calls.append((f'free_{kind}', handle))
        assert self.live.pop(handle)[0] == kind, f'{handle} is no {kind}'

    def num_live(self, kind: str) -> int:
        return sum(k == kind for k, _ in self.live.values())

    def select(self) -> None:
        self._note('select')

    def new_stream(self) -> int:
        self._note('new_stream')
        return self._new('stream')

    def free_stream(self, stream: int) -> None:
        self._free('stream', stream)

    def allocate_host(self, num_bytes: int) -> np.ndarray:
        self._note('allocate_host', num_bytes)
        buffer = np.empty(num_bytes, np.uint8)
        self.live[buffer.ctypes.data] = ('host', num_bytes)
        return buffer

    def free_host(self, buffer: np.ndarray) -> None:
        self._free('host', buffer.ctypes.data)

    def allocate(self, num_bytes: int) -> int:
        self._note('allocate', num_bytes)
        return self._new('device', num_bytes)

    def free(self, address: int) -> None:
        self._free('device', address)

    def _check_copy(self, address: int, host: np.ndarray) -> None:
        kind, size = self.live[address]
        assert kind == 'device'
        assert host.flags.c_contiguous
        assert host.nbytes <= size, f'{host.nbytes} B for a buffer of {size} B'
        kind, size = self.live[host.ctypes.data]
        assert kind == 'host'
        assert host.nbytes <= size

    def copy_in(self, address: int, source: np.ndarray, stream: int) -> None:
        self._check_copy(address, source)
        self._note('copy_in', address, source.nbytes, stream)

    def copy_out(self, target: np.ndarray, address: int, stream: int) -> None:
        self._check_copy(address, target)
        self._note('copy_out', address, target.nbytes, stream)

    def synchronize(self, stream: int) -> None:
        assert self._captured is None, 'a stream that is captured cannot be waited for'
        self._note('synchronize', stream)

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        self._note('capture', stream)
        self._captured = []
        try:
            enqueue()
            captured = self._captured
        finally:
            self._captured = None
        graph = self._new('graph')
        self.graphs[graph] = captured
        return graph

    def launch(self, graph: int, stream: int) -> None:
        self._note('launch', graph, stream)

    def free_graph(self, graph: int) -> None:
        self._free('graph', graph)


class StandInContext:
    """An execution context that notes its runs among the calls of the device."""

    def __init__(self, trt: StandInTensorRt) -> None:
        self._trt = trt
        self.addresses: dict[str, int] = {}
        self.shape: tuple[int, ...] = ()
        self.memory = (0, 0)

    def set_device_memory(self, memory: int, size: int) -> None:
        self.memory = (memory, size)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return self._trt.answers.get('set_tensor_address', True)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert name == 'image'
        self.shape = shape
        return self._trt.answers.get('set_input_shape', True)

    def execute_async_v3(self, stream_handle: int) -> bool:
        if not self._trt.answers.get('execute_async_v3', True):
            self._trt.logger.log(self._trt.ILogger.Severity.ERROR, 'the reason\nin two lines')
            return False
        self._trt.device._note('run', self.shape[0], stream_handle)
        return True

    def __del__(self) -> None:
        self._trt.released.append('context')


class _Severity(Enum):
    INTERNAL_ERROR, ERROR, WARNING = range(3)


class _Logger:
    Severity = _Severity


class StandInTensorRt(SimpleNamespace):
    """
    A module of TensorRT whose engine has the contract's tensors for 32x64 px and one group.

    `answers` maps a method to what it returns in place of success.
    """

    __name__ = 'stand_in'
    __version__ = '0'
    __hash__ = object.__hash__  # type: ignore[assignment]
    ILogger = _Logger
    DataType = SimpleNamespace(UINT8='uint8')
    ExecutionContextAllocationStrategy = SimpleNamespace(USER_MANAGED='user')

    def __init__(self, device: StandInDevice) -> None:
        super().__init__(device=device, answers={}, contexts=[], released=[], logger=None)
        self.tensors = {
            'image': (-1, 32, 64, 3),
            'class_ids': (-1, 32, 64),
            'confidence': (-1, 8, 16),
            'group_probability': (-1, 1, 8, 16),
        }

    def Runtime(self, logger: Any) -> Any:  # noqa: N802 - TensorRT's name
        self.logger = logger
        return _Part(self, 'runtime', deserialize_cuda_engine=self._deserialize)

    def _deserialize(self, plan: bytes) -> Any:
        if plan == b'no plan':
            return None
        names = list(self.tensors)
        return _Part(
            self,
            'engine',
            device_memory_size_v2=4096,
            num_io_tensors=len(names),
            get_tensor_name=names.__getitem__,
            get_tensor_shape=self.tensors.__getitem__,
            get_tensor_dtype=lambda name: 'uint8',
            create_execution_context=self._create_context,
        )

    def _create_context(self, strategy: str) -> StandInContext | None:
        assert strategy == 'user'
        if 'create_execution_context' in self.answers:
            return None
        context = StandInContext(self)
        self.contexts.append(context)
        return context


class _Part(SimpleNamespace):
    """A part of TensorRT that notes its end."""

    def __init__(self, trt: StandInTensorRt, what: str, **members: Any) -> None:
        super().__init__(**members)
        self._trt, self._what = trt, what

    def __del__(self) -> None:
        self._trt.released.append(self._what)


#: An error of the device that does not lose it.
REFUSED = EngineError('GPU 0: refused')


class StandInRtx(StandInTensorRt):
    """A module of TensorRT-RTX; its kernels are the bytes of `kernels`."""

    __name__ = 'stand_in_rtx'
    CudaGraphStrategy = SimpleNamespace(WHOLE_GRAPH_CAPTURE='whole')
    DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER='eager')
    EngineValidity = Enum('EngineValidity', ['VALID', 'SUBOPTIMAL', 'INVALID'])
    EngineInvalidityDiagnostics = IntFlag(
        'EngineInvalidityDiagnostics', {'VERSION_MISMATCH': 1, 'UNSUPPORTED_CC': 2}
    )

    def __init__(self, device: StandInDevice) -> None:
        super().__init__(device)
        self.kernels = b''
        self.validity = (self.EngineValidity.VALID, 0)
        self.config = None
        self.memory = []

    def Runtime(self, logger: Any) -> Any:  # noqa: N802 - TensorRT's name
        runtime = super().Runtime(logger)
        runtime.get_engine_validity = lambda plan: self.validity
        return runtime

    def _deserialize(self, plan: bytes) -> Any:
        engine = super()._deserialize(plan)
        engine.create_runtime_config = self._create_config
        return engine

    def _create_config(self) -> Any:
        self.config = config = _Part(self, 'config')
        config.create_runtime_cache = lambda: _Part(
            self, 'kernels', deserialize=self._take, serialize=lambda: self.kernels
        )
        config.set_runtime_cache = lambda cache: self.answers.get('set_runtime_cache', True)
        config.set_execution_context_allocation_strategy = self.memory.append
        return config

    def _take(self, kernels: bytes) -> bool:
        if kernels.startswith(b'other'):
            return False
        self.kernels = kernels
        return True

    def _create_context(self, strategy: Any) -> StandInContext | None:
        assert strategy is self.config
        self.kernels = self.kernels or b'compiled'
        return super()._create_context(self.memory[-1])
