import numpy as np
import pytest

from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.pixels import LABEL_ENCODINGS, RawFrame
from unet_seg_ros.core.size import ImageSize

#: Rows of BGR values from which each encoding is made.
BGR = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def encode(encoding: str) -> np.ndarray:
    alpha = np.full((5, 7, 1), 9, np.uint8)
    return {
        'bgr8': BGR,
        'rgb8': BGR[..., ::-1],
        'bgra8': np.concatenate([BGR, alpha], axis=2),
        'rgba8': np.concatenate([BGR[..., ::-1], alpha], axis=2),
        'mono8': BGR[..., :1],
    }[encoding]


def frame(pixels: np.ndarray, encoding: str, padding: int = 0, tail: int = 0) -> RawFrame:
    rows = pixels.reshape(5, -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    data = np.concatenate([padded.ravel(), np.full(tail, 88, np.uint8)])
    return RawFrame(data, encoding, ImageSize(5, 7), rows.shape[1] + padding)


@pytest.mark.parametrize('encoding', LABEL_ENCODINGS)
@pytest.mark.parametrize('padding', [0, 1, 2, 3, 16])
def test_every_encoding_and_padding_gives_the_same_picture(encoding, padding):
    expected = np.repeat(BGR[..., :1], 3, axis=2) if encoding == 'mono8' else BGR
    np.testing.assert_array_equal(frame(encode(encoding), encoding, padding).bgr(), expected)


def test_bytes_behind_the_last_row_are_ignored():
    np.testing.assert_array_equal(frame(BGR, 'bgr8', padding=4, tail=11).bgr(), BGR)


def test_bgr_is_not_copied():
    raw = frame(BGR, 'bgr8', padding=4)
    assert np.shares_memory(raw.bgr(), raw.data)


def test_resizing_happens_before_the_colours_are_converted():
    seen = []

    def shrink(image):
        seen.append(image.shape)
        return image[:2, :2]

    assert frame(encode('rgba8'), 'rgba8').bgr(shrink).shape == (2, 2, 3)
    assert seen == [(5, 7, 4)]


def test_a_resized_frame_reads_back():
    np.testing.assert_array_equal(RawFrame.from_bgr(BGR[::-1]).bgr(), BGR[::-1])


@pytest.mark.parametrize(
    ('encoding', 'size', 'step', 'num_bytes', 'says'),
    [
        ('16UC1', (5, 7), 14, 70, "'16UC1'"),
        ('', (5, 7), 21, 105, "''"),
        ('bgr8', (0, 7), 21, 0, 'empty'),
        ('bgr8', (5, 0), 0, 0, 'empty'),
        ('bgr8', (5, 7), 20, 105, 'step of 21'),
        ('bgr8', (5, 7), 21, 104, '104 bytes'),
        ('bgra8', (5, 7), 21, 105, 'step of 28'),
        ('mono16', (5, 7), 7, 35, 'step of 14'),
        ('bayer_rggb8', (2, 8), 8, 16, 'at least 3x3'),
        ('uyvy', (4, 7), 14, 56, 'every 2x1 px share'),
        ('yuv422_yuy2', (4, 7), 14, 56, 'every 2x1 px share'),
        ('nv12', (4, 7), 7, 42, 'every 2x2 px share'),
        ('nv12', (5, 8), 8, 60, 'every 2x2 px share'),
        # The height of the buffer instead of the picture's, and a missing colour plane.
        ('nv12', (12, 8), 8, 96, '18 rows'),
        ('nv21', (8, 8), 8, 64, '12 rows'),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(encoding, size, step, num_bytes, says):
    raw = RawFrame(np.zeros(num_bytes, np.uint8), encoding, ImageSize(*size), step)
    with pytest.raises(FrameError, match=says) as error:
        raw.bgr()
    assert '\n' not in str(error.value)
