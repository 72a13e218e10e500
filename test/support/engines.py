"""Which engines are tested where."""

from __future__ import annotations

from pathlib import Path

import pytest

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference import open_backend
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.inference.tensorrt.probe import find_gpu

#: Engines that need no more than the runtime's own requirements.
CPU_ENGINES = ('onnxruntime', 'openvino')

#: Where pytest is told ``-m gpu``, all that can run on one.
GPU_ENGINES = (*FLAVOURS, 'torch')


def require_gpu_engine(name: str, model: Path, cache: Path) -> None:
    """Fail without a GPU, skip an engine that is not installed or does not know this GPU."""
    try:
        find_gpu()
    except EngineError as e:
        pytest.fail(f'tests marked gpu were asked for: {e}')
    if name == 'torch':
        torch = pytest.importorskip('torch')
        assert torch.cuda.is_available(), 'torch is here, but cannot use the GPU'
    elif not FLAVOURS[name].is_installed():
        pytest.skip(f'{name} is not installed: {FLAVOURS[name].remedy}')
    else:
        try:
            with open_backend(model, name, EngineOptions(cache=cache)):
                pass
        except EngineError as e:
            if 'UNSUPPORTED_CC' in str(e):
                pytest.skip(str(e))
            raise
