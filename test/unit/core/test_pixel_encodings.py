"""Each encoding by a picture made here, byte by byte, from the colours that must come back."""

import re
from pathlib import Path

import numpy as np
import pytest
import sensor_msgs

from unet_seg_ros.core.pixels import ENCODINGS, RawFrame
from unet_seg_ros.core.size import ImageSize

#: Far apart in every channel, so that no two patterns give a similar picture; in RGB.
COLOR = (200, 110, 30)

BAYER = ('bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8')
YUV422 = ('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2')


def frame(rows: np.ndarray, encoding: str, size: ImageSize, padding: int, **more) -> RawFrame:
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return RawFrame(padded.ravel(), encoding, size, padded.shape[1], **more)


def ros_header() -> str:
    """Return the C++ header that the messages' package ships."""
    prefix = Path(sensor_msgs.__file__).parents[4]
    return (prefix / 'include/sensor_msgs/sensor_msgs/image_encodings.hpp').read_text()


def test_the_names_are_those_of_ros():
    names = set(re.findall(r'char \w+\[\] = "(\w+)"', ros_header()))
    assert set(ENCODINGS) - names == {'nv12'}


@pytest.mark.parametrize('encoding', BAYER)
@pytest.mark.parametrize('size', [ImageSize(6, 8), ImageSize(7, 5), ImageSize(3, 3)])
@pytest.mark.parametrize('padding', [0, 3])
def test_a_mosaic_of_one_colour_is_that_colour(encoding, size, padding):
    # ROS names the pattern by its first row, then its second.
    value = dict(zip('rgb', COLOR, strict=True))
    cell = np.array([value[c] for c in encoding[len('bayer_') : -1]], np.uint8).reshape(2, 2)
    mosaic = np.tile(cell, (4, 4))[: size.height, : size.width]
    raw = frame(mosaic, encoding, size, padding)
    np.testing.assert_array_equal(raw.rgb(), np.full((*size, 3), COLOR))
    np.testing.assert_array_equal(raw.bgr(), np.full((*size, 3), COLOR[::-1]))


def bt601(rgb: np.ndarray) -> np.ndarray:
    """Return Y, Cb and Cr in video range, by the formula of ITU-R BT.601."""
    r, g, b = np.moveaxis(rgb / 255.0, -1, 0)
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    parts = [
        16 + 219 * luma,
        128 + 224 * 0.5 / (1 - 0.114) * (b - luma),
        128 + 224 * 0.5 / (1 - 0.299) * (r - luma),
    ]
    return np.round(np.stack(parts, axis=-1)).astype(np.uint8)


def stripes(height: int, width: int) -> np.ndarray:
    """Return RGB pixels in columns of two, as subsampled colours can hold them."""
    rgb = np.zeros((height, width, 3), np.uint8)
    colors = [COLOR, (20, 90, 220), (240, 240, 240), (10, 160, 60)]
    for i in range(0, width, 2):
        rgb[:, i : i + 2] = colors[i // 2 % len(colors)]
    return rgb


def packed_422(yuv: np.ndarray, is_luma_first: bool) -> np.ndarray:
    pairs = np.empty((yuv.shape[0], yuv.shape[1], 2), np.uint8)
    pairs[..., 0 if is_luma_first else 1] = yuv[..., 0]
    chroma = pairs[..., 1 if is_luma_first else 0]
    chroma[:, ::2], chroma[:, 1::2] = yuv[:, ::2, 1], yuv[:, ::2, 2]
    return pairs.reshape(len(yuv), -1)


def semiplanar_420(yuv: np.ndarray, is_cb_first: bool) -> np.ndarray:
    quarter = yuv[::2, ::2, 1:] if is_cb_first else yuv[::2, ::2, :0:-1]
    return np.concatenate([yuv[..., 0], quarter.reshape(len(yuv) // 2, -1)])


@pytest.mark.parametrize('encoding', [*YUV422, 'nv12', 'nv21'])
@pytest.mark.parametrize('padding', [0, 6])
def test_yuv_comes_back_as_the_colours_it_was_made_of(encoding, padding):
    rgb = stripes(6, 10)
    yuv = bt601(rgb)
    if encoding.startswith('nv'):
        rows = semiplanar_420(yuv, is_cb_first=encoding == 'nv12')
    else:
        rows = packed_422(yuv, is_luma_first=encoding in ('yuyv', 'yuv422_yuy2'))
    raw = frame(rows, encoding, ImageSize(6, 10), padding)
    # Rounding to bytes before and after costs up to two steps.
    np.testing.assert_allclose(raw.rgb().astype(int), rgb, atol=2)
    np.testing.assert_array_equal(raw.bgr(), raw.rgb()[..., ::-1])


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('padding', [0, 1, 6])
def test_of_16_bits_the_high_byte_counts(is_bigendian, padding):
    # The darkest image stays as dark as it is: nothing is scaled by what is in it.
    values = np.array([[0, 255, 256, 0x1234], [0x00FF, 0x8000, 0xFEFF, 0xFFFF]])
    rows = values.astype('>u2' if is_bigendian else '<u2').view(np.uint8)
    raw = frame(rows, 'mono16', ImageSize(2, 4), padding, is_bigendian=is_bigendian)
    expected = [[0, 0, 1, 0x12], [0, 0x80, 0xFE, 0xFF]]
    np.testing.assert_array_equal(raw.bgr(), np.repeat(np.array(expected)[..., None], 3, axis=2))
    np.testing.assert_array_equal(raw.rgb(), raw.bgr())


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_mosaic_is_resized_in_colour_and_nothing_else(encoding):
    is_mosaic = encoding in (*BAYER, *YUV422, 'nv12', 'nv21')
    seen = []

    def shrink(image: np.ndarray) -> np.ndarray:
        seen.append(image)
        return image[:2, :2]

    data = np.arange(8 * 8 * 4, dtype=np.uint8)
    raw = RawFrame(data, encoding, ImageSize(4, 4), 16)
    assert raw.bgr(shrink).shape == (2, 2, 3)
    assert seen[0].shape[:2] == (4, 4)
    if is_mosaic:
        np.testing.assert_array_equal(seen[0], raw.bgr())
    else:
        np.testing.assert_array_equal(seen[0], raw.pixels())
