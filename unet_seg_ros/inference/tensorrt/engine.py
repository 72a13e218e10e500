"""
A built engine in memory: its tensors, and what runs a batch of one size.

One code path serves TensorRT 10, TensorRT 11 and TensorRT-RTX: tensors by their names,
``execute_async_v3``, strongly typed plans. What differs is in `RtxEngine`. Deserializing needs a
GPU; TensorRT's methods and their signatures are those of NVIDIA's bindings at 11.1 and of
TensorRT-RTX 1.7, and are the same in 10.x from 10.1 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.inference.tensorrt.messages import messages_of
from unet_seg_ros.inference.tensorrt.runtime_cache import keep_kernels, load_kernels


class LoadedEngine:
    """
    An engine of TensorRT.

    Parameters
    ----------
    module : ModuleType
        TensorRT.
    plan : bytes
        The engine; it runs code, so it must come from the cache's own checks.
    watch : Watch
        Hears what TensorRT has against it.

    Raises
    ------
    EngineError
        If TensorRT refuses it.

    """

    #: Whether a run may be captured into a CUDA graph from outside.
    is_capturable: ClassVar[bool] = True

    def __init__(self, module: ModuleType, plan: bytes, watch: Watch) -> None:
        """Deserialize the plan."""
        self._module: Any = module
        self._watch = watch
        self._messages = messages_of(module)
        self._messages.take()
        self._runtime: Any = None
        self._engine: Any = None
        self._contexts: dict[int, Any] = {}
        try:
            self._load(plan)
        except EngineError:
            self.close()
            raise

    def _load(self, plan: bytes) -> None:
        try:
            self._runtime = self._module.Runtime(self._messages)
        except (RuntimeError, TypeError) as e:
            raise EngineError(self._failure(f'made no runtime ({one_line(e)})')) from e
        self._check_plan(plan)
        self._engine = self._checked(
            self._runtime.deserialize_cuda_engine(plan), 'cannot load the engine'
        )

    @property
    def activation_bytes(self) -> int:
        """Device memory [B] that a run needs between its layers, for the largest batch."""
        return int(self._engine.device_memory_size_v2)

    def tensor_shapes(self, max_batch: int) -> dict[str, tuple[int, ...]]:
        """
        Return the shapes of the input and the outputs, all uint8, for the largest batch.

        Raises
        ------
        EngineError
            If they are not those of the model contract.

        """
        engine = self._engine
        found = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        byte = self._module.DataType.UINT8
        if sorted(found) != sorted((INPUT, *OUTPUTS)) or any(
            engine.get_tensor_dtype(name) != byte for name in found
        ):
            raise EngineError(self._failure(f'engine has the tensors {", ".join(found)}'))
        return {
            name: (max_batch, *tuple(engine.get_tensor_shape(name))[1:])
            for name in (INPUT, *OUTPUTS)
        }

    def prepare(self, num_images: int, addresses: Mapping[str, int], activations: int) -> None:
        """
        Make an execution context for batches of one size.

        A context of its own for each size: a CUDA graph holds the state of the context that it
        was captured from, and what changes that state, such as another shape, spoils the graph.
        All of them share one memory for activations, as NVIDIA advises: they run one by one.

        Parameters
        ----------
        num_images : int
            The batch size.
        addresses : mapping
            Device address of each tensor's buffer.
        activations : int
            Device address of `activation_bytes`.

        Raises
        ------
        EngineError
            If TensorRT refuses it.

        """
        context = self._checked(self._create_context(), 'made no execution context')
        context.set_device_memory(activations, self.activation_bytes)
        for name, address in addresses.items():
            self._checked(context.set_tensor_address(name, address), f'refuses a buffer of {name}')
        shape = (num_images, *tuple(self._engine.get_tensor_shape(INPUT))[1:])
        self._checked(context.set_input_shape(INPUT, shape), f'refuses a batch of {num_images}')
        self._contexts[num_images] = context

    def enqueue(self, num_images: int, stream: int) -> None:
        """
        Put a run of a batch size that is prepared on a stream.

        Raises
        ------
        EngineError
            If TensorRT refuses it.

        """
        # No variable holds the context: an error's traceback would keep it beyond its release.
        self._checked(self._contexts[num_images].execute_async_v3(stream), 'failed to run')

    def keep_compiled(self) -> None:
        """Keep for later starts what the first runs compiled, where they compile at all."""

    def release_contexts(self) -> None:
        """Release the execution contexts."""
        self._contexts.clear()

    def close(self) -> None:
        """Release the engine, then its runtime; the contexts must be released before."""
        self._engine = None
        self._runtime = None

    def _check_plan(self, plan: bytes) -> None:
        """Ask TensorRT what it holds against a plan, where it can tell."""

    def _create_context(self) -> Any:
        strategy = self._module.ExecutionContextAllocationStrategy.USER_MANAGED
        return self._engine.create_execution_context(strategy)

    def _checked(self, given: Any, failure: str) -> Any:
        """Return what TensorRT gave; it reports failures by None or False."""
        if given is None or given is False:
            raise EngineError(self._failure(failure))
        return given

    def _failure(self, text: str) -> str:
        """Return a failure in one line, with TensorRT's own words where it has some."""
        words = self._messages.take()
        return f'{self._module.__name__} {text}{": " + words if words else ""}'


class RtxEngine(LoadedEngine):
    """
    An engine of TensorRT-RTX, which compiles its kernels for the GPU at hand when it first runs.

    Parameters
    ----------
    module, plan, watch
        As of `LoadedEngine`.
    kernels : Path
        Where the compiled kernels are kept for later starts.

    """

    # RTX captures its own graphs, and knows when its kernels are compiled.
    is_capturable: ClassVar[bool] = False
    #: Of its ``CudaGraphStrategy``.
    graph_strategy: ClassVar[str] = 'WHOLE_GRAPH_CAPTURE'

    def __init__(self, module: ModuleType, plan: bytes, watch: Watch, kernels: Path) -> None:
        """Deserialize the plan and set up how it is run."""
        self._path = kernels
        self._kept = b''
        self._config: Any = None
        self._compiled: Any = None
        super().__init__(module, plan, watch)

    def _load(self, plan: bytes) -> None:
        super()._load(plan)
        trt = self._module
        config = self._checked(self._engine.create_runtime_config(), 'made no runtime config')
        self._compiled = self._checked(config.create_runtime_cache(), 'made no runtime cache')
        self._kept = load_kernels(self._path, self._watch)
        if self._kept and not self._compiled.deserialize(self._kept):
            self._watch.say(
                f'{trt.__name__} compiles its kernels anew: '
                f'{self._messages.take() or "those it kept do not fit"}'
            )
        self._checked(config.set_runtime_cache(self._compiled), 'refuses its runtime cache')
        config.cuda_graph_strategy = getattr(trt.CudaGraphStrategy, self.graph_strategy)
        # Compiled in the first run and not behind a later one: what was tested is what drives.
        config.dynamic_shapes_kernel_specialization_strategy = (
            trt.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        config.set_execution_context_allocation_strategy(
            trt.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        self._config = config

    def keep_compiled(self) -> None:
        """Keep the compiled kernels for later starts."""
        compiled = bytes(self._checked(self._compiled.serialize(), 'gives no runtime cache'))
        if compiled != self._kept:
            keep_kernels(self._path, compiled, self._watch)

    def close(self) -> None:
        """Release what it runs with, then the engine and its runtime."""
        self._config = None
        self._compiled = None
        super().close()

    def _create_context(self) -> Any:
        return self._engine.create_execution_context(self._config)

    def _check_plan(self, plan: bytes) -> None:
        trt = self._module
        validity, reasons = self._runtime.get_engine_validity(plan)
        known = trt.EngineInvalidityDiagnostics.__members__
        names = ', '.join(name for name, bit in known.items() if int(bit) & int(reasons))
        if validity == trt.EngineValidity.INVALID:
            raise EngineError(self._failure(f'cannot run this engine here ({names or "?"})'))
        if validity == trt.EngineValidity.SUBOPTIMAL:
            self._watch.say(f'{trt.__name__}: the engine may be slow here ({names or "?"})')
