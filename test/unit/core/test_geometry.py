"""The way from the camera to the network and back, pixel by pixel, in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.geometry import (
    PADDING,
    Geometry,
    NetworkInput,
    geometry_of,
)
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ImageSize

NETWORK = ImageSize(16, 32)

CAMERAS = [ImageSize(16, 32), ImageSize(45, 80), ImageSize(33, 47), ImageSize(7, 5)]

OPTIONS = [
    {'region': region, 'fit': fit, 'output': output}
    for region in (None, Rectangle(1, 2, 4, 3), Rectangle(3, 2, 1, 1), Rectangle(0, 4, 5, 1))
    for fit in ('stretch', 'letterbox')
    for output in ('camera', 'network', '40x9', '71x58')
]


def all_geometries():
    return [
        pytest.param(
            options,
            camera,
            id=f'{camera} {options["fit"]} {options["region"]} {options["output"]}',
        )
        for options in OPTIONS
        for camera in CAMERAS
    ]


def network_pixel(geometry: Geometry, axis: int, index: int) -> Fraction | None:
    """Return where an output pixel's centre lies in the network; None outside of the region."""
    start, length = ('y', 'x')[axis], ('height', 'width')[axis]
    window, region, inner = geometry.window, geometry.region, geometry.inner
    in_camera = getattr(window, start) + Fraction(2 * index + 1, 2) * Fraction(
        getattr(window, length), geometry.output[axis]
    )
    share = (in_camera - getattr(region, start)) / getattr(region, length)
    if not 0 <= share < 1:
        return None
    return getattr(inner, start) + share * getattr(inner, length)


def is_pixel_at(found: int, position: Fraction) -> bool:
    # On the border between two pixels either is the nearest.
    return found <= position <= found + 1


@pytest.mark.parametrize(('options', 'camera'), all_geometries())
def test_every_pixel_has_the_class_under_its_centre(options, camera):
    geometry = Geometry(camera, NETWORK, **options)
    ids = np.arange(16 * 32).reshape(NETWORK)
    # Two bytes of each network pixel's number, brought back as colours are.
    halves = np.stack([ids // 256, ids % 256], axis=-1).astype(np.uint8)
    result = geometry.ids_to_output(halves, outside=255).astype(int)
    assert result.shape == (*geometry.output, 2)
    numbers = result[..., 0] * 256 + result[..., 1]
    columns = [network_pixel(geometry, 1, u) for u in range(geometry.output.width)]
    for v in range(geometry.output.height):
        y = network_pixel(geometry, 0, v)
        for x, number in zip(columns, numbers[v].tolist(), strict=True):
            if y is None or x is None:
                assert number == 255 * 257
            else:
                assert is_pixel_at(number // 32, y)
                assert is_pixel_at(number % 32, x)


@pytest.mark.parametrize(('options', 'camera'), all_geometries())
def test_one_channel_and_a_given_array_are_filled_alike(options, camera):
    geometry = Geometry(camera, NETWORK, **options)
    ids = np.random.default_rng(0).integers(0, 20, NETWORK, dtype=np.uint8)
    expected = geometry.ids_to_output(ids, outside=255)
    out = np.full(geometry.output, 77, np.uint8)
    assert geometry.ids_to_output(ids, 255, out) is out
    np.testing.assert_array_equal(out, expected)
    colors = geometry.ids_to_output(np.repeat(ids[..., None], 3, axis=2), 255)
    np.testing.assert_array_equal(colors, np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize(('options', 'camera'), all_geometries())
def test_probabilities_cover_the_same_pixels(options, camera):
    geometry = Geometry(camera, NETWORK, **options)
    probability = np.full((4, 8), 1, np.uint8)
    # What lies beside a letterboxed region must not leak into it.
    geometry.inner.divided(4).of_image(probability)[...] = 200
    result = geometry.probability_to_output(probability)
    known = geometry.ids_to_output(np.zeros(NETWORK, np.uint8), outside=1) == 0
    np.testing.assert_array_equal(result, np.where(known, 200, 0))
    out = np.full(geometry.output, 77, np.uint8)
    geometry.probability_to_output(probability, out)
    np.testing.assert_array_equal(out, result)


def test_the_plain_way_is_that_of_training():
    rng = np.random.default_rng(0)
    camera = ImageSize(45, 80)
    geometry = Geometry(camera, NETWORK)
    image = rng.integers(0, 256, (*camera, 4), dtype=np.uint8)
    np.testing.assert_array_equal(geometry.to_network(image), resize_image(image, NETWORK))
    ids = rng.integers(0, 9, NETWORK, dtype=np.uint8)
    np.testing.assert_array_equal(geometry.ids_to_output(ids, 255), resize_ids(ids, camera))
    assert Geometry(NETWORK, NETWORK).ids_to_output(ids, 255) is ids


def test_of_a_region_nothing_else_is_seen():
    camera, region = ImageSize(45, 80), Rectangle(20, 5, 40, 30)
    image = np.random.default_rng(0).integers(0, 256, (*camera, 3), dtype=np.uint8)
    geometry = Geometry(camera, NETWORK, region=region)
    expected = resize_image(image[5:35, 20:60], NETWORK)
    np.testing.assert_array_equal(geometry.to_network(image), expected)


@pytest.mark.parametrize(
    ('camera', 'inner'),
    [
        (ImageSize(160, 160), Rectangle(8, 0, 16, 16)),
        (ImageSize(20, 80), Rectangle(0, 4, 32, 8)),
        (ImageSize(80, 160), Rectangle(0, 0, 32, 16)),
        (ImageSize(1, 2000), Rectangle(0, 4, 32, 4)),
        (ImageSize(2000, 1), Rectangle(12, 0, 4, 16)),
    ],
)
@pytest.mark.parametrize('channels', [(), (3,), (4,)])
def test_a_letterbox_keeps_the_aspect_and_pads_with_grey(camera, inner, channels):
    image = np.zeros((*camera, *channels), np.uint8)
    geometry = Geometry(camera, NETWORK, fit='letterbox')
    assert geometry.inner == inner
    seen = geometry.to_network(image)
    expected = np.full((*NETWORK, *channels), PADDING, np.uint8)
    inner.of_image(expected)[...] = 0
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize('camera', [ImageSize(720, 1280), ImageSize(1080, 1440), ImageSize(7, 5)])
def test_a_letterbox_is_the_largest_of_its_aspect_to_half_a_stride(camera):
    network = ImageSize(256, 512)
    inner = Geometry(camera, network, fit='letterbox').inner
    scale = min(network.height / camera.height, network.width / camera.width)
    assert abs(inner.width - camera.width * scale) <= 2
    assert abs(inner.height - camera.height * scale) <= 2
    assert all(number % 4 == 0 for number in inner)


def test_an_output_of_the_networks_size_resizes_no_class():
    camera, region = ImageSize(45, 80), Rectangle(20, 5, 30, 30)
    geometry = Geometry(camera, NETWORK, region=region, fit='letterbox', output='network')
    ids = np.random.default_rng(0).integers(0, 9, NETWORK, dtype=np.uint8)
    assert geometry.window == region
    np.testing.assert_array_equal(geometry.ids_to_output(ids, 255), geometry.inner.of_image(ids))


def test_the_cameras_image_follows_the_output():
    image = np.random.default_rng(0).integers(0, 256, (45, 80, 3), dtype=np.uint8)
    region = Rectangle(20, 5, 40, 30)

    def output(name: str) -> np.ndarray:
        geometry = Geometry(ImageSize(45, 80), NETWORK, region=region, output=name)
        return geometry.camera_to_output(image)

    assert output('camera') is image or output('camera').base is image
    np.testing.assert_array_equal(output('network'), resize_image(image[5:35, 20:60], NETWORK))
    np.testing.assert_array_equal(output('40x20'), resize_image(image, ImageSize(20, 40)))


@pytest.mark.parametrize(
    'region', [Rectangle(1, 0, 80, 45), Rectangle(0, 1, 80, 45), Rectangle(80, 45, 1, 1)]
)
def test_a_region_outside_the_image_is_refused_in_one_line(region):
    with pytest.raises(FrameError, match='reaches out of the image of 80x45 px') as error:
        Geometry(ImageSize(45, 80), NETWORK, region=region)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
@pytest.mark.parametrize('camera', [ImageSize(0, 0), ImageSize(0, 7), ImageSize(7, 0)])
def test_an_empty_image_is_refused(camera, fit):
    with pytest.raises(FrameError, match=f'image of {camera} px is empty'):
        Geometry(camera, NETWORK, fit=fit)


def test_it_is_computed_once_for_a_camera():
    first = geometry_of(ImageSize(45, 80), NETWORK)
    assert geometry_of(ImageSize(45, 80), NETWORK) is first


def test_labels_come_to_lie_where_the_pixels_do():
    camera, network = ImageSize(30, 50), ImageSize(32, 32)
    ids = np.random.default_rng(0).integers(0, 5, (3, 5), np.uint8).repeat(10, 0).repeat(10, 1)
    geometry = NetworkInput(network, 'letterbox').geometry(camera)
    labels = geometry.labels_to_network(ids, outside=9)
    assert labels.shape == tuple(network)
    is_inside = geometry.to_network(np.zeros((*camera, 3), np.uint8))[..., 0] == 0
    np.testing.assert_array_equal(labels == 9, ~is_inside)
    # What went in comes out, but for pixels at the borders of the blocks.
    back = geometry.ids_to_output(labels, outside=7)
    np.testing.assert_array_equal(back[5::10, 5::10], ids[5::10, 5::10])
