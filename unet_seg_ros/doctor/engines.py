"""The inference engines: which of them can serve here, why others cannot, and the GPU."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.finding import Finding, Level, fail, ok, skip
from unet_seg_ros.inference import BACKENDS, open_backend
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.inference.tensorrt.probe import check_runtime, find_gpu
from unet_seg_ros.serving.opening import AUTO


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What the node is told to run.

    Attributes
    ----------
    model : Path
        The model file; it keeps the contract.
    backend : str
        ``auto``, or a name of `BACKENDS`.
    options : EngineOptions
        How to open it.

    """

    model: Path
    backend: str
    options: EngineOptions


def check_gpu(wish: Wish) -> Finding:
    """Ask the driver for the GPU that the node would take."""
    try:
        gpu = find_gpu(wish.options.gpu)
    except EngineError as e:
        return (fail if wish.backend in FLAVOURS else skip)('gpu', str(e))
    major, minor = gpu.compute_capability
    return ok(
        'gpu',
        f'{gpu.index}: {gpu.name}, compute capability {major}.{minor}, '
        f'{gpu.memory_bytes / 2**30:.1f} GiB, driver {gpu.driver or "of unknown version"}, '
        f'CUDA {gpu.cuda // 1000}.{gpu.cuda % 1000 // 10}',
    )


def check_engines(wish: Wish) -> Iterator[Finding]:
    """Try each engine, and say which one the node would take."""
    if wish.backend not in ('auto', *BACKENDS):
        yield fail(
            'engine', f'backend {wish.backend!r}', f'set one of auto, {", ".join(BACKENDS)}'
        )
        return
    can_serve = []
    for name in BACKENDS:
        finding = check_engine(name, wish)
        if finding.level is Level.OK:
            can_serve.append(name)
        yield finding
    if wish.backend != 'auto':
        return
    chosen = next((name for name in AUTO if name in can_serve), '')
    if chosen:
        yield ok('engine', f'auto takes {chosen}, the first that can serve')
    else:
        yield fail('engine', 'none can serve', 'pip install openvino')


def check_engine(name: str, wish: Wish) -> Finding:
    """
    Try one engine: one on a CPU opens the model, TensorRT makes a runtime, torch is looked for.

    What cannot serve is wrong only where the node is told to use it.

    Parameters
    ----------
    name : str
        Its name in `BACKENDS`.
    wish : Wish
        What the node is told to run.

    """
    is_asked = wish.backend == name
    try:
        if name in FLAVOURS:
            return ok(f'engine {name}', _try_tensorrt(name, wish))
        if name not in AUTO and not is_asked:
            is_there = find_spec(name) is not None
            return skip(
                f'engine {name}',
                f'{"installed" if is_there else "not installed"}, and used only by its name',
            )
        return ok(f'engine {name}', _open(name, wish))
    except EngineError as e:
        told = str(e).removeprefix(f'backend {name}: ')
        return (fail if is_asked else skip)(f'engine {name}', told)


def _open(name: str, wish: Wish) -> str:
    start_s = time.monotonic()
    with open_backend(wish.model, name, wish.options) as backend:
        return f'opens the model in {time.monotonic() - start_s:.1f} s, {backend.precision}'


def _try_tensorrt(name: str, wish: Wish) -> str:
    flavour = FLAVOURS[name]
    module = flavour.load()
    gpu = find_gpu(wish.options.gpu)
    check_runtime(flavour, gpu)
    return f'{module.__version__} makes a runtime for {gpu.name}'
