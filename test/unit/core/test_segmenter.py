import numpy as np
import pytest

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import ConfigurationError, FrameError
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.segmenter import CameraOptions, Segmenter
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.core.unknown import EgoMask, UnknownPixels
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


def test_frames_of_one_batch_get_the_results_that_they_get_alone(segmenter):
    views = [
        (RawFrame.from_bgr(block_picture(60, 90)), CameraOptions()),
        (RawFrame.from_bgr(block_picture(33, 47)), CameraOptions(fit='letterbox')),
        (RawFrame.from_bgr(block_picture(48, 96)[:, ::-1]), CameraOptions(output='network')),
    ]
    together = segmenter.segment_batch(views)
    for view, result in zip(views, together, strict=True):
        alone = segmenter.segment(*view)
        assert result.frame is view[0]
        np.testing.assert_array_equal(result.mask(), alone.mask())
        np.testing.assert_array_equal(result.confidence(), alone.confidence())
        np.testing.assert_array_equal(
            result.probability_of('drivable'), alone.probability_of('drivable')
        )


def test_a_bad_frame_of_a_batch_is_an_error_in_its_place(segmenter):
    good = RawFrame.from_bgr(block_picture(60, 90))
    bad = RawFrame(good.data[:9], 'bgr8', good.size, good.step)
    beyond = CameraOptions(region=Rectangle(80, 0, 20, 20))
    results = segmenter.segment_batch([(bad, CameraOptions()), (good, CameraOptions())])
    assert isinstance(results[0], FrameError)
    np.testing.assert_array_equal(results[1].mask(), segmenter.segment(good).mask())
    (alone,) = segmenter.segment_batch([(good, beyond)])
    assert 'reaches out' in str(alone)
    with pytest.raises(FrameError):
        segmenter.segment(bad)


@pytest.mark.parametrize('draws_into', [False, True])
def test_unknown_pixels_are_unknown_in_every_picture(segmenter, draws_into):
    image = np.full((32, 64, 3), (130, 100, 60), np.uint8)  # class 2 at a confidence of 100
    image[:16, :, 1] = 200
    ego = np.zeros((32, 64), np.uint8)
    ego[:, 56:] = 1
    unknown = UnknownPixels(150 / 255, EgoMask(ego))
    options = CameraOptions(region=Rectangle(8, 0, 56, 32), unknown=unknown)
    result = segmenter.segment(RawFrame.from_bgr(image), options)

    def draw(picture, *channels: int) -> np.ndarray:
        out = np.full((32, 64, *channels), 77, np.uint8) if draws_into else None
        drawn = picture(out)
        assert out is None or drawn is out
        return drawn

    is_known = np.zeros((32, 64), bool)
    is_known[:13, 8:56] = True
    is_unknown = np.ones((32, 64), bool)
    is_unknown[:19, 8:56] = False  # between the two the confidence passes the bound
    mask, drivable = draw(result.mask), draw(result.drivable_mask)
    confidence, colors = draw(result.confidence), draw(result.color_mask, 3)
    overlay = draw(result.overlay, 3)
    assert (mask[is_known] == 2).all()
    assert (mask[is_unknown] == 255).all()
    assert (drivable[is_known] == 255).all()
    assert not drivable[is_unknown].any()
    assert (confidence[is_known] == 200).all()
    assert (confidence[is_unknown] < 150).all()
    assert not colors[is_unknown].any()
    assert (colors[is_known] == (128, 64, 128)).all()
    np.testing.assert_array_equal(overlay[is_unknown], image[is_unknown][:, ::-1])
    assert (overlay[is_known] != image[is_known][:, ::-1]).any(axis=1).all()
    np.testing.assert_array_equal((mask == 255), drivable == 0)


def test_results_are_the_same_whatever_was_asked_for_first(segmenter):
    options = CameraOptions(unknown=UnknownPixels(0.5))
    frame = RawFrame.from_bgr(np.full((32, 64, 3), (130, 100, 60), np.uint8))
    result = segmenter.segment(frame, options)
    assert (result.mask() == 255).all()
    assert (result.class_ids == 2).all()
    assert (result.mask() == 255).all()


def test_the_fit_is_the_models_unless_the_camera_has_its_own(segmenter):
    contract = segmenter.backend.contract
    size = ImageSize(100, 64)
    assert CameraOptions().geometry(size, contract).inner == Rectangle(0, 0, 64, 32)
    letterboxed = CameraOptions(fit='letterbox').geometry(size, contract)
    assert letterboxed.inner.size == ImageSize(32, 20)


@pytest.mark.parametrize('wrong', [{'fit': 'squeeze'}, {'output': 'big'}])
def test_wrong_options_are_refused_at_once(wrong):
    with pytest.raises(ConfigurationError):
        CameraOptions(**wrong)


def test_warm_up_runs_every_batch_size(known_model):
    with open_backend(known_model, 'onnxruntime', EngineOptions(max_batch=3)) as backend:
        sizes, infer = [], backend._infer
        backend._infer = lambda images: sizes.append(len(images)) or infer(images)
        Segmenter(backend).warm_up()
    assert sorted(sizes) == [1, 2, 3]
