"""
Engines behind the backend port, and the choice among them.

Each engine is imported only when it is opened. Imports core and the engines; never ROS or torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from unet_seg_ros.core.backend import Backend, EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.inference.tensorrt.backend import TensorRtBackend, TensorRtRtxBackend
from unet_seg_ros.inference.torch_backend import TorchBackend

#: The engines by name; those that ``auto`` tries come first, in its order.
BACKENDS: Mapping[str, type[Backend]] = {
    backend.name: backend
    for backend in (
        TensorRtBackend,
        TensorRtRtxBackend,
        OpenVinoBackend,
        OnnxRuntimeBackend,
        TorchBackend,
    )
}

_ON_CPU = (OpenVinoBackend.name, OnnxRuntimeBackend.name)


def open_backend(path: Path, name: str = 'auto', options: EngineOptions | None = None) -> Backend:
    """
    Return the engine of that name for a model file; open it with a ``with`` block.

    Parameters
    ----------
    path : Path
        The model file.
    name : str
        One of `BACKENDS`, or ``auto`` for the first CPU engine that is installed.
    options : EngineOptions, optional
        How to open it.

    Raises
    ------
    EngineError
        If there is no such engine, or ``auto`` finds none installed.
    ModelError
        If the file does not keep the contract.

    """
    if name == 'auto':
        name = next((n for n in _ON_CPU if find_spec(n) is not None), '')
        if not name:
            raise EngineError(f'no CPU engine is installed: pip install {" or ".join(_ON_CPU)}')
    if name not in BACKENDS:
        raise EngineError(f'backend {name!r} is not one of auto, {", ".join(BACKENDS)}')
    return BACKENDS[name](path, options)
