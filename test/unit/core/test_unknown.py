import cv2
import numpy as np
import pytest

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.geometry import Geometry
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.core.unknown import EgoMask, UnknownPixels

NETWORK = ImageSize(16, 32)
CAMERA = ImageSize(45, 80)

BONNET = np.zeros(CAMERA, np.uint8)
BONNET[40:, 10:70] = 1


def geometry(**options) -> Geometry:
    return Geometry(CAMERA, NETWORK, **options)


def written(tmp_path, image: np.ndarray):
    path = tmp_path / 'ego.png'
    cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize(
    'image',
    [
        BONNET,
        BONNET * np.uint8(255),
        BONNET.astype(np.uint16),
        BONNET[..., None] * np.array([0, 0, 9], np.uint8),
        # Opaque everywhere, which says nothing.
        np.dstack([BONNET, BONNET, BONNET, np.full(CAMERA, 255, np.uint8)]),
    ],
)
def test_whatever_is_not_zero_is_the_own_vehicle(tmp_path, image):
    mask = EgoMask.read(written(tmp_path, image)).at_output(geometry())
    np.testing.assert_array_equal(mask, BONNET * np.uint8(255))


def test_a_mask_of_another_size_is_scaled_unmixed():
    large = np.repeat(np.repeat(BONNET, 3, axis=0), 3, axis=1)
    np.testing.assert_array_equal(EgoMask(large).at_output(geometry()), BONNET * np.uint8(255))


def test_it_follows_the_output_and_a_change_of_it():
    ego = EgoMask(BONNET)
    region = Rectangle(0, 30, 80, 15)
    seen = ego.at_output(geometry(region=region, output='network'))
    assert seen.shape == NETWORK
    # Rows 40 to 44 of 45 are the lowest third of the region.
    assert not seen[:10].any()
    assert seen[11:, 16].all()
    np.testing.assert_array_equal(ego.at_output(geometry()), BONNET * np.uint8(255))


def test_no_file_and_no_image_are_refused_in_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match=r'ego mask .*none.png: No such file'):
        EgoMask.read(tmp_path / 'none.png')
    # The last one is refused by OpenCV with an exception.
    for content in (b'', b'not an image', b'P5 2000000 2000000 255\n'):
        (tmp_path / 'ego.png').write_bytes(content)
        with pytest.raises(ConfigurationError, match='is no image that can be read'):
            EgoMask.read(tmp_path / 'ego.png')


@pytest.mark.parametrize(
    ('min_confidence', 'least'), [(0.0, 1), (0.001, 1), (0.5, 128), (0.6, 153), (1.0, 255)]
)
def test_a_pixel_is_unknown_where_its_published_confidence_is_below(min_confidence, least):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    unknown = UnknownPixels(min_confidence).mask(levels)
    np.testing.assert_array_equal(unknown, np.where(levels < least, 255, 0))


@pytest.mark.parametrize('output', ['camera', 'network', '50x21'])
@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
def test_readers_find_the_unknown_pixels_in_the_confidence(fit, output):
    where = geometry(region=Rectangle(8, 5, 70, 38), fit=fit, output=output)
    probability = np.random.default_rng(0).integers(9, 256, (4, 8), dtype=np.uint8)
    pixels = UnknownPixels(0.5, EgoMask(BONNET))
    confidence = pixels.confidence(where, probability)
    unknown = pixels.mask(confidence) == 255
    outside = where.ids_to_output(np.zeros(NETWORK, np.uint8), outside=1) == 1
    own = EgoMask(BONNET).at_output(where) == 255
    assert (confidence[outside | own] == 0).all()
    low = where.probability_to_output(probability) < 128
    np.testing.assert_array_equal(unknown, outside | own | low)
    out = np.full(where.output, 77, np.uint8)
    assert pixels.confidence(where, probability, out) is out
    np.testing.assert_array_equal(out, confidence)


def test_it_is_off_when_nothing_was_asked_for():
    assert UnknownPixels().is_off
    assert not UnknownPixels(0.5).is_off
    assert not UnknownPixels(ego=EgoMask(BONNET)).is_off


@pytest.mark.parametrize('value', [-0.1, 1.1, float('nan')])
def test_a_confidence_that_is_no_probability_is_refused(value):
    with pytest.raises(ConfigurationError, match=r'min_confidence .* choose from 0 to 1'):
        UnknownPixels(value)
