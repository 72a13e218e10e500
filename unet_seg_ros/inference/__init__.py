"""
Engines behind the backend port.

Each engine is imported only when it is opened. Imports core and the engines; never ROS or torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unet_seg_ros.core.backend import Backend, EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from unet_seg_ros.inference.openvino_backend import OpenVinoBackend
from unet_seg_ros.inference.tensorrt.backend import TensorRtBackend, TensorRtRtxBackend
from unet_seg_ros.inference.torch_backend import TorchBackend

#: The engines by name.
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


def open_backend(path: Path, name: str, options: EngineOptions | None = None) -> Backend:
    """
    Return the engine of that name for a model file; open it with a ``with`` block.

    Parameters
    ----------
    path : Path
        The model file.
    name : str
        One of `BACKENDS`.
    options : EngineOptions, optional
        How to open it.

    Raises
    ------
    EngineError
        If there is no such engine.
    ModelError
        If the file does not keep the contract.

    """
    if name not in BACKENDS:
        raise EngineError(f'backend {name!r} is not one of {", ".join(BACKENDS)}')
    return BACKENDS[name](path, options)
