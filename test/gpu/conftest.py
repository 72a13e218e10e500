"""What the tests on a GPU share; one that is missing fails them."""

from __future__ import annotations

import numpy as np
import pytest
from support.engines import require_gpu_engine

from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.core.resize import resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, PinholeCamera, still


@pytest.fixture(scope='session')
def engines(tmp_path_factory):
    """Return the folder of the engines that are built in this session."""
    return tmp_path_factory.mktemp('engines')


@pytest.fixture(scope='session', params=FLAVOURS)
def tensorrt(request, shipped_model, engines) -> str:
    """Return the name of a TensorRT that is installed and knows this GPU."""
    require_gpu_engine(request.param, shipped_model, engines)
    return str(request.param)


@pytest.fixture(scope='session')
def frames(shipped_model) -> np.ndarray:
    """Return rendered frames, uint8 [8, H, W, 3], of the shipped model's size."""
    size = read_contract(shipped_model).input_size
    camera = PinholeCamera(ImageSize(360, 640))
    images = [still(HELD_OUT_LAYOUTS[0], seed, camera).image for seed in range(8)]
    return np.stack([resize_image(image, size) for image in images])
