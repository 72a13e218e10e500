"""The engines agree on the shipped model, on pictures that it was made for."""

import numpy as np
import pytest

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.resize import resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.recordings.folder import list_images, read_image
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, PinholeCamera, still

#: Least share of pixels of the same class; `auto` may be bf16, which moves some at the borders.
MIN_AGREEMENT = {'fp32': 0.999, 'auto': 0.995}


def agreement(model, images, precision: str) -> float:
    with (
        open_backend(model, 'openvino', EngineOptions(precision=precision)) as openvino,
        open_backend(model, 'onnxruntime') as reference,
    ):
        size = openvino.contract.input_size
        batches = [resize_image(image, size)[np.newaxis] for image in images]
        equal = [openvino.infer(b).class_ids == reference.infer(b).class_ids for b in batches]
    return float(np.mean(equal))


def rendered() -> list[np.ndarray]:
    camera = PinholeCamera(ImageSize(360, 640))
    return [still(HELD_OUT_LAYOUTS[0], seed, camera).image for seed in range(8)]


@pytest.mark.parametrize('precision', ['fp32', 'auto'])
def test_on_rendered_scenes(shipped_model, precision):
    assert agreement(shipped_model, rendered(), precision) >= MIN_AGREEMENT[precision]


@pytest.mark.parametrize('precision', ['fp32', 'auto'])
def test_on_recorded_frames(shipped_model, shared_data, precision):
    files = list_images(shared_data / 'carla_town02' / 'val')[::20]
    assert (
        agreement(shipped_model, [read_image(f) for f in files], precision)
        >= MIN_AGREEMENT[precision]
    )


@pytest.mark.parametrize('batch', [2, 5])
def test_a_batch_gives_what_its_images_give_alone(shipped_model, batch):
    with open_backend(shipped_model, 'openvino', EngineOptions(precision='fp32')) as backend:
        size = backend.contract.input_size
        images = np.stack([resize_image(i, size) for i in rendered()[:batch]])
        together = backend.infer(images).class_ids
        alone = np.concatenate([backend.infer(image[np.newaxis]).class_ids for image in images])
    assert (together == alone).mean() >= MIN_AGREEMENT['fp32']
