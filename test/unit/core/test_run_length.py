import struct

import numpy as np
import pytest

from unet_seg_ros.core.run_length import encode_runs


def decode(data: bytes, height: int, width: int) -> list[list[int]]:
    """
    Decode as autoware_universe's `perception_utils::runLengthDecoder` is described.

    Its data are records of a uint8 value and an int32 length, 5 bytes each, that fill an image
    row by row; written from that, with nothing of the encoder.
    """
    pixels = []
    while data:
        value, length = struct.unpack_from('<Bi', data)
        assert 0 < length <= height * width - len(pixels)
        pixels += [value] * length
        data = data[5:]
    assert len(pixels) == height * width
    return [pixels[i * width : (i + 1) * width] for i in range(height)]


def stairs() -> np.ndarray:
    """Return the image of Autoware's own test: row i begins with i pixels of value i."""
    return np.array([[i if j < i else 0 for j in range(20)] for i in range(10)], np.uint8)


@pytest.mark.parametrize(
    'mask',
    [
        stairs(),
        np.zeros((1, 1), np.uint8),
        np.full((3, 5), 255, np.uint8),
        np.arange(256, dtype=np.uint8).reshape(16, 16),
        np.random.default_rng(0).integers(0, 2, (31, 17), dtype=np.uint8),
        np.random.default_rng(0).integers(0, 256, (9, 40), dtype=np.uint8)[:, 3:31],
    ],
)
def test_an_independent_decoder_gets_the_mask_back(mask):
    data = encode_runs(mask)
    assert data.dtype == np.uint8
    assert decode(data.tobytes(), *mask.shape) == mask.tolist()


def test_a_run_reaches_over_row_ends_and_is_written_once():
    mask = np.zeros((4, 300), np.uint8)
    mask[1, 10:] = 7
    mask[2, :2] = 7
    assert encode_runs(mask).tolist() == [
        *(0, 310 - 256, 1, 0, 0),
        *(7, 292 - 256, 1, 0, 0),
        *(0, 598 - 512, 2, 0, 0),
    ]
