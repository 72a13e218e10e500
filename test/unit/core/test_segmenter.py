import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.errors import ConfigurationError, FrameError
from unet_seg_ros.core.geometry import Geometry
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


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
@pytest.mark.parametrize('size', [(0, 0), (0, 9), (9, 0), (2**32 - 1, 1), (1, 2**32 - 1)])
def test_a_frame_of_a_size_that_cannot_be_is_refused_without_memory_for_it(segmenter, size, fit):
    frame = RawFrame(np.zeros(27, np.uint8), 'bgr8', ImageSize(*size), 3)
    with pytest.raises(FrameError):
        segmenter.segment(frame, CameraOptions(fit=fit))


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


def centre(index: int, num_pixels: int, start: int, length: int) -> Fraction:
    """Return where the centre of an output's pixel lies in the image that it shows a part of."""
    return start + Fraction(2 * index + 1, 2 * num_pixels) * length


def pixels_at(y: Fraction, x: Fraction) -> list[tuple[int, int]]:
    """Return the pixels that hold a place: on the border between some, all of them."""
    rows, columns = ({math.floor(place), math.ceil(place) - 1} for place in (y, x))
    return list(itertools.product(rows, columns))


def pixels_under(g: Geometry, v: int, u: int) -> tuple[list, list]:
    """Return the camera's pixels and the network's under the centre of one of the output."""
    y = centre(v, g.output.height, g.window.y, g.window.height)
    x = centre(u, g.output.width, g.window.x, g.window.width)
    camera = pixels_at(y, x)
    y, x = (y - g.region.y) / g.region.height, (x - g.region.x) / g.region.width
    if not (0 <= y < 1 and 0 <= x < 1):
        return camera, []
    return camera, pixels_at(g.inner.y + y * g.inner.height, g.inner.x + x * g.inner.width)


@pytest.mark.parametrize('seed', range(40))
def test_whatever_the_options_nothing_is_drivable_that_is_not_known_to_be(segmenter, seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 60, 2).tolist()
    x, y = int(rng.integers(width)), int(rng.integers(height))
    part = Rectangle(
        x, y, int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
    )
    ego = (rng.random((height, width)) < rng.choice([0, 0.1])).astype(np.uint8)
    least = int(rng.choice([0, 100, 200]))
    unknown = UnknownPixels(least / 255, EgoMask(ego) if ego.any() else None)
    options = CameraOptions(
        region=part if rng.random() < 0.7 else None,
        fit=str(rng.choice(['stretch', 'letterbox'])),
        output=str(rng.choice(['camera', 'network', '31x23', f'{2 * width}x{height}'])),
        unknown=unknown,
    )
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    result = segmenter.segment(RawFrame.from_bgr(image), options)
    mask, drivable, confidence = result.mask(), result.drivable_mask(), result.confidence()
    for v, u in np.ndindex(mask.shape):
        camera, network = pixels_under(result.geometry, v, u)
        is_outside = not network or all(ego[pixel] for pixel in camera)
        assert confidence[v, u] == 0 or not is_outside
        if is_outside or (confidence[v, u] < max(least, 1) and not unknown.is_off):
            assert (mask[v, u], drivable[v, u]) == (255, 0)
        else:
            assert mask[v, u] in {result.class_ids[pixel] for pixel in network}
            assert drivable[v, u] == (255 if mask[v, u] in (1, 2) else 0)


@pytest.mark.parametrize('region', [None, Rectangle(24, 12, 96, 72)])
@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
@pytest.mark.parametrize('output', ['camera', 'network', '80x70'])
@pytest.mark.parametrize(
    ('binning', 'roi'), [((0, 0), None), ((2, 3), Rectangle(40, 30, 384, 288))]
)
def test_a_ray_meets_in_the_mask_what_it_meets_in_the_image(
    segmenter, region, fit, output, binning, roi
):
    classes = np.random.default_rng(0).integers(0, 4, (8, 16))
    image = np.zeros((96, 192, 3), np.uint8)
    image[..., 0] = np.kron(classes * 64 + 32, np.ones((12, 12)))
    options = CameraOptions(region=region, fit=fit, output=output)
    result = segmenter.segment(RawFrame.from_bgr(image), options)
    k = np.array([[300.0, 0, 250], [0, 310, 170], [0, 0, 1]])
    size = ImageSize(400, 500) if roi else ImageSize(96, 192)
    p = np.hstack([k, np.zeros((3, 1))])
    camera = Calibration(size=size, k=k, p=p, binning=binning, roi=roi)
    seen = camera.of_window(result.geometry.window, result.geometry.output)
    mask = result.mask()
    part = region or Rectangle(0, 0, 192, 96)
    for row in range(part.y // 12, (part.y + part.height) // 12):
        for column in range(part.x // 12, (part.x + part.width) // 12):
            # The ray through the middle of a block: from the image to the sensor, then outside.
            sensor = np.array([column * 12 + 6.0, row * 12 + 6.0]) * np.maximum(binning, 1)
            sensor += (roi.x, roi.y) if roi else (0, 0)
            ray = np.linalg.inv(k) @ [*sensor, 1]
            u, v, _ = seen.k @ ray
            if output == 'camera' and roi:  # stated by the same region and binning again
                u, v = (u - roi.x) / binning[0], (v - roi.y) / binning[1]
            assert mask[math.floor(v), math.floor(u)] == classes[row, column]


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


@pytest.mark.parametrize(
    ('wrong', 'says'),
    [
        ({'fit': 'squeeze'}, "'squeeze' is not one of stretch, letterbox"),
        ({'output': 'big'}, "'big': write camera or network, or a size as WIDTHxHEIGHT"),
        ({'output': '0x4'}, 'WIDTHxHEIGHT'),
        # The memory for this mask would be asked for when the first frame comes.
        ({'output': '200000x200000'}, 'at most 16384 px a side'),
    ],
)
def test_wrong_options_are_refused_at_once(wrong, says):
    with pytest.raises(ConfigurationError, match=says) as error:
        CameraOptions(**wrong)
    assert '\n' not in str(error.value)


def test_warm_up_runs_every_batch_size(known_model):
    with open_backend(known_model, 'onnxruntime', EngineOptions(max_batch=3)) as backend:
        sizes, infer = [], backend._infer
        backend._infer = lambda images: sizes.append(len(images)) or infer(images)
        Segmenter(backend).warm_up()
    assert sorted(sizes) == [1, 2, 3]
