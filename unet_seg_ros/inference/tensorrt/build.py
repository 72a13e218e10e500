"""
Building an engine from a model file, in a child process that can be ended at any moment.

`build_child` holds what is asked of TensorRT.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.contract import INPUT, read_contract
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.child import Child, Reply
from unet_seg_ros.inference.tensorrt.flavours import Flavour
from unet_seg_ros.inference.tensorrt.probe import Gpu

#: What is asked of every builder; part of what an engine depends on, so change it with the code.
FLAGS = ('strongly_typed', 'profiling_detailed')

# TensorRT-RTX's own choice of targets: compute capability 8.0, 8.6, 8.9, 12.0 and later. 7.5 must
# be asked for, and gives an engine for it alone.
# https://docs.nvidia.com/deeplearning/tensorrt-rtx/latest/inference-library/cpu-engines.html
_DEFAULT_TARGETS = '8.0+'
_TURING = (7, 5)

_SAY_EVERY_S = 3.0
_CHILD = 'unet_seg_ros.inference.tensorrt.build_child'


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """
    What engine is wanted.

    Attributes
    ----------
    model : Path
        The model file.
    flavour : Flavour
        The TensorRT that is to run it.
    max_batch : int
        The largest batch; all from 1 on are served.
    gpu : Gpu, optional
        What it is to run on. A portable flavour needs none, and of one that it is given only
        whether it is of compute capability 7.5 changes the engine.

    """

    model: Path
    flavour: Flavour
    max_batch: int
    gpu: Gpu | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.max_batch < 1:
            raise EngineError(f'max_batch {self.max_batch}: an engine is for 1 image or more')
        if self.gpu is None and not self.flavour.is_portable:
            raise EngineError(f'{self.flavour.name} builds engines only for a GPU that is here')

    def device_fields(self) -> dict[str, Any]:
        """Return what of the device the engine depends on, by name."""
        if self.flavour.is_portable:
            is_turing = self.gpu is not None and self.gpu.compute_capability == _TURING
            return {'targets': '7.5' if is_turing else _DEFAULT_TARGETS}
        assert self.gpu is not None
        capability = '{}.{}'.format(*self.gpu.compute_capability)
        return {'gpu': self.gpu.name, 'compute_capability': capability, 'cuda': self.gpu.cuda}


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """
    What came of a build.

    Attributes
    ----------
    build_s : float
        Time it took [s].
    model_sha256 : str
        Digest of the model that was read.
    engine_bytes : int
        Size of the engine [B].
    precision : str
        What the model file computes in.
    network_layers : int
        Layers as they were read from the model file.
    layers : tuple of (str, str, str)
        Name, kind and type of the first input of each layer of the engine, as the builder's
        inspector lists them: what was fused shares a name such as ``MulAddReluMulMinMaxRounCast``.
        Empty where it does not tell.
    device_memory_bytes : int or None
        What the builder reckons for weights and, with the largest batch, activations [B].

    """

    build_s: float
    model_sha256: str
    engine_bytes: int
    precision: str
    network_layers: int
    layers: tuple[tuple[str, str, str], ...]
    device_memory_bytes: int | None

    def __str__(self) -> str:
        """Return it in one line."""
        kinds = Counter(f'{kind} {read}'.strip() for _, kind, read in self.layers).most_common()
        fused = ', '.join(f'{count} {kind}' for kind, count in kinds)
        memory = self.device_memory_bytes
        return '; '.join(
            [
                f'built in {self.build_s:.1f} s',
                f'{self.engine_bytes / 1e6:.1f} MB',
                self.precision,
                f'{self.network_layers} layers'
                + (f' fused into {len(self.layers)} ({fused})' if fused else ''),
                'device memory unknown' if memory is None else f'{memory / 1e6:.1f} MB on the GPU',
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BuildSummary:
        """
        Read what `to_dict` gave.

        Raises
        ------
        LookupError, TypeError, ValueError
            If it is not of that form.

        """
        memory = data['device_memory_bytes']
        return cls(
            build_s=float(data['build_s']),
            model_sha256=str(data['model_sha256']),
            engine_bytes=int(data['engine_bytes']),
            precision=str(data['precision']),
            network_layers=int(data['network_layers']),
            layers=tuple((str(n), str(k), str(r)) for n, k, r in data['layers']),
            device_memory_bytes=None if memory is None else int(memory),
        )


def build(request: BuildRequest, plan_path: Path, watch: Watch) -> BuildSummary:
    """
    Build an engine.

    Parameters
    ----------
    request : BuildRequest
        What engine is wanted.
    plan_path : Path
        Where it is written; half of it may be there after an error.
    watch : Watch
        Hears every few seconds how far it is, and may stop it.

    Raises
    ------
    ModelError
        If the file does not keep the model contract.
    EngineError
        If TensorRT refuses the model, crashes, or the watch stops it.

    """
    contract = read_contract(request.model)
    asked = {
        'flavour': request.flavour.name,
        'modules': request.flavour.modules,
        'model': str(request.model.resolve()),
        'input': INPUT,
        'max_batch': request.max_batch,
        'targets': request.device_fields().get('targets', ''),
        'plan': str(plan_path.resolve()),
    }
    environment = {} if request.flavour.is_portable else _only(request.gpu)
    with Child(_CHILD, asked, environment) as child:
        built = _follow(child, request, watch)
    return BuildSummary.from_dict({**built, 'precision': contract.precision})


def _follow(child: Child, request: BuildRequest, watch: Watch) -> Reply:
    what = f'building an engine of {request.model.name} with {request.flavour.name}'
    progress = 'starting'
    next_line = time.monotonic() + _SAY_EVERY_S
    built: Reply | None = None
    for reply in child.replies(what):
        if watch.is_stopped():
            raise EngineError(f'{what}: stopped')
        for kind, said in (reply or {}).items():
            if kind == 'failed':
                raise EngineError(f'{what}: {said}')
            if kind == 'progress':
                progress = said
            if kind == 'built':
                built = said
        if time.monotonic() >= next_line:
            watch.say(f'{what}: {progress}')
            next_line += _SAY_EVERY_S
    if built is None:
        raise EngineError(f'{what}: the builder ended without a word')
    return built


def _only(gpu: Gpu | None) -> dict[str, str]:
    """Return the environment in which a GPU is the only one, and so the one that is used."""
    assert gpu is not None
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    name = visible.split(',')[gpu.index] if visible else str(gpu.index)
    return {'CUDA_VISIBLE_DEVICES': name}
