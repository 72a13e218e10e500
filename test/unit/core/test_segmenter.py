import numpy as np
import pytest

from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.segmenter import Segmenter
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import open_backend


@pytest.fixture(scope='module')
def segmenter(known_model):
    with open_backend(known_model, 'onnxruntime') as backend:
        yield Segmenter(backend, overlay_opacity=0.5)


def block_picture(height: int, width: int) -> np.ndarray:
    """Return a picture whose left third is class 0, the middle class 2, the right class 3."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 3 :, 0] = 130
    image[:, 2 * width // 3 :, 0] = 250
    image[..., 1] = 100
    return image


@pytest.mark.parametrize('size', [(32, 64), (720, 1280), (33, 47), (5, 9)])
def test_results_have_the_cameras_size_whatever_it_is(segmenter, size):
    image = block_picture(*size)
    result = segmenter.segment(RawFrame.from_bgr(image))
    mask = result.mask()
    assert mask.shape == result.drivable_mask().shape == result.confidence().shape == size
    assert result.color_mask().shape == result.overlay().shape == (*size, 3)
    columns = size[1] * np.array([1, 3, 5]) // 6
    np.testing.assert_array_equal(mask[size[0] // 2, columns], [0, 2, 3])
    np.testing.assert_array_equal(result.drivable_mask()[size[0] // 2, columns], [0, 255, 0])
    assert (result.confidence() == 100).all()


def test_class_borders_stay_within_one_network_pixel(segmenter):
    image = block_picture(720, 1280)
    mask = segmenter.segment(RawFrame.from_bgr(image)).mask()
    border = np.flatnonzero(np.diff(mask[360].astype(int)))
    assert abs(border[0] - 1280 // 3) <= 1280 / 64
    assert abs(border[-1] - 2 * 1280 // 3) <= 1280 / 64


def test_an_all_dark_frame_is_a_frame(segmenter):
    result = segmenter.segment(RawFrame.from_bgr(np.zeros((20, 30, 3), np.uint8)))
    assert not result.mask().any()
    assert not result.drivable_mask().any()


def test_colours_are_rgb_and_black_classes_leave_the_picture_untinted(segmenter):
    image = block_picture(60, 90)
    result = segmenter.segment(RawFrame.from_bgr(image))
    row = result.color_mask()[30]
    np.testing.assert_array_equal(row[[10, 45, 80]], [[0, 0, 0], [128, 64, 128], [244, 35, 232]])
    overlay = result.overlay()[30]
    np.testing.assert_array_equal(overlay[10], image[30, 10, ::-1])
    np.testing.assert_allclose(overlay[45], (image[30, 45, ::-1] + [128.0, 64, 128]) / 2, atol=1)


def test_the_frame_is_left_as_it_was(segmenter):
    image = block_picture(60, 90)
    raw = RawFrame.from_bgr(image)
    before = raw.data.copy()
    result = segmenter.segment(raw)
    result.overlay()
    np.testing.assert_array_equal(raw.data, before)


def test_warm_up_answers(segmenter):
    assert segmenter.warm_up().class_ids.shape == (1, *ImageSize(32, 64))
