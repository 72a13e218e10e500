"""
The child process that builds: what is asked of TensorRT.

One code path serves TensorRT 10, TensorRT 11 and TensorRT-RTX. It was run with TensorRT-RTX
1.7.1; for the others each call was compared with the Python bindings in NVIDIA's repository at
the tags of 10.3 and 11.1, and the words of the log with a log of 10.10
(https://github.com/NVIDIA/TensorRT/issues/4397).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.inference.tensorrt.child import Reply, serve
from unet_seg_ros.inference.tensorrt.flavours import Flavour

_TELL_EVERY_S = 0.2

_LAYER = re.compile(
    r'^Name: (.+?), LayerType: ([^,]+), Inputs: \[(?: \{.*?Datatype: (\w+))?', re.MULTILINE
)
_MEMORY = re.compile(r'^Total (Activation|Weights) Memory: (\d+)')


def main() -> None:
    """Build what is asked for."""
    serve(_build)


def _build(request: Reply, send: Callable[[Reply], None]) -> Reply:
    start = time.monotonic()
    flavour = Flavour(request['flavour'], tuple(request['modules']), 'install it again')
    trt = flavour.load()
    log = _new_log(trt)
    try:
        builder = trt.Builder(log)
    except (RuntimeError, TypeError) as e:
        raise EngineError(f'it makes no builder: {log.words(one_line(e))}') from e
    network = builder.create_network(_network_flags(trt))
    # The network's weights are the parser's, so it must live as long.
    model = Path(request['model']).read_bytes()
    parser = _parse(trt, network, log, model)
    config = _configure(trt, builder, network, request)
    monitor = _new_monitor(trt, send)
    if monitor is not None:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(log.words('it gives no engine and no reason'))
    Path(request['plan']).write_bytes(plan)
    del parser
    return {
        'built': {
            'build_s': time.monotonic() - start,
            'model_sha256': hashlib.sha256(model).hexdigest(),
            'engine_bytes': plan.nbytes,
            'network_layers': network.num_layers,
            'layers': log.layers,
            'device_memory_bytes': sum(log.memory.values()) if log.memory else None,
        }
    }


def _network_flags(trt: ModuleType) -> int:
    """Return flags by which precisions are those of the file; 11 has no other way."""
    strong = getattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED', None)
    return 0 if strong is None else 1 << int(strong)


def _parse(trt: ModuleType, network: Any, log: Any, model: bytes) -> Any:
    parser = trt.OnnxParser(network, log)
    if not parser.parse(model):
        errors = [parser.get_error(i) for i in range(parser.num_errors)]
        told = '; '.join(
            f'{e.desc()} ({e.node_operator()} node {e.node_name() or e.node()})' for e in errors
        )
        raise EngineError(f'it cannot read the model: {" ".join(told.split()) or log.words("")}')
    return parser


def _configure(trt: ModuleType, builder: Any, network: Any, request: Reply) -> Any:
    config = builder.create_builder_config()
    # The inspector's list of layers goes into the log; the engine does not grow.
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if request['targets'] == '7.5':
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.ComputeCapability.SM75, 0)
    batch, *rest = next(
        network.get_input(i).shape
        for i in range(network.num_inputs)
        if network.get_input(i).name == request['input']
    )
    most = request['max_batch']
    if batch not in (-1, most):
        raise EngineError(f'the model file is for batches of {batch} alone: export it again')
    profile = builder.create_optimization_profile()
    least = 1 if batch == -1 else batch
    try:
        # Tuned for full batches: those are what a vehicle's cameras give together.
        profile.set_shape(request['input'], (least, *rest), (most, *rest), (most, *rest))
    except RuntimeError as e:
        raise EngineError(f'it refuses batches of 1 to {most}: {one_line(e)}') from e
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f'it refuses batches of 1 to {most}')
    return config


def _new_log(trt: ModuleType) -> Any:
    """Return this process's logger: keeps the last errors, and the figures that are wanted."""
    base: Any = trt.ILogger

    class Log(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)
            self.errors: deque[str] = deque(maxlen=3)
            self.layers: list[tuple[str, str, str]] = []
            self.memory: dict[str, int] = {}

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)
            elif found := _MEMORY.match(message):
                self.memory[found[1]] = int(found[2])
            elif layers := _LAYER.findall(message):
                self.layers = layers

        def words(self, otherwise: str) -> str:
            return ' '.join('; '.join(self.errors).split()) or otherwise

    return Log()


def _new_monitor(trt: ModuleType, send: Callable[[Reply], None]) -> Any:
    """Return what TensorRT tells how far it is, or None where it cannot (before 9.2)."""
    if not hasattr(trt, 'IProgressMonitor'):
        return None

    base: Any = trt.IProgressMonitor

    class Monitor(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)
            self._steps: dict[str, int] = {}
            self._next = 0.0

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            del parent_phase
            self._steps[phase_name] = num_steps
            self._tell(phase_name, 0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._tell(phase_name, step + 1)
            return True

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

        def _tell(self, phase: str, done: int) -> None:
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + _TELL_EVERY_S
                percent = 100 * done // max(1, self._steps.get(phase, 1))
                send({'progress': f'{phase}, {percent} %'})

    return Monitor()


if __name__ == '__main__':
    main()
