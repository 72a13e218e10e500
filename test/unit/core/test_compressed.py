import struct
import zlib

import cv2
import numpy as np
import pytest

from unet_seg_ros.core.compressed import decode_image
from unet_seg_ros.core.errors import FrameError
from unet_seg_ros.core.size import ImageSize


def picture(height: int = 48, width: int = 70) -> np.ndarray:
    """Return a smooth BGR picture with some noise, as a camera's."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.add(smooth, rng.integers(0, 9, smooth.shape, dtype=np.uint8))


def encoded(image: np.ndarray, extension: str, *flags: int) -> bytes:
    return cv2.imencode(extension, image, list(flags))[1].tobytes()


def with_thumbnail(jpeg: bytes) -> bytes:
    """Insert an application segment that holds a JPEG of its own, as cameras do."""
    small = encoded(picture(8, 8), '.jpg')
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(small) + 2) + small + jpeg[2:]


def turned(jpeg: bytes) -> bytes:
    """Insert EXIF data that ask for a rotation by 90 degrees."""
    entry = struct.pack('>HHIHH', 0x0112, 3, 1, 6, 0)
    exif = b'Exif\0\0MM\0\x2a' + struct.pack('>IH', 8, 1) + entry + struct.pack('>I', 0)
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + jpeg[2:]


FILES = {
    'jpeg': encoded(picture(), '.jpg'),
    'jpeg with a thumbnail': with_thumbnail(encoded(picture(), '.jpg')),
    'progressive jpeg': encoded(
        picture(), '.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 3
    ),
    'grey jpeg': encoded(picture()[..., 0], '.jpg'),
    'png': encoded(picture(), '.png'),
    'grey png': encoded(picture()[..., 0], '.png'),
}


@pytest.mark.parametrize('name', FILES)
def test_a_whole_file_is_what_opencv_makes_of_it(name):
    frame = decode_image(FILES[name], 'rgb8; jpeg compressed bgr8')
    assert frame.encoding == ('mono8' if 'grey' in name else 'bgr8')
    expected = cv2.imdecode(np.frombuffer(FILES[name], np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(frame.bgr(), expected)


@pytest.mark.parametrize('name', FILES)
def test_a_file_that_was_cut_off_anywhere_is_refused(name):
    data = FILES[name]
    # OpenCV 4.6 makes a picture of such a JPEG: it must not come that far.
    for length in [*range(8, len(data), 10), *range(len(data) - 12, len(data))]:
        with pytest.raises(FrameError, match=rf'image of {length} bytes is cut off'):
            decode_image(data[:length])


@pytest.mark.parametrize('name', FILES)
def test_what_follows_the_end_is_ignored(name):
    # Cameras that fill a buffer of fixed size.
    padded = decode_image(FILES[name] + b'\0' * 50 + b'\xff\xc4\xff')
    np.testing.assert_array_equal(padded.bgr(), decode_image(FILES[name]).bgr())


@pytest.mark.parametrize('channels', [1, 3])
def test_of_16_bits_the_high_byte_counts(channels):
    values = np.random.default_rng(1).integers(0, 1 << 16, (7, 9, channels)).astype(np.uint16)
    frame = decode_image(encoded(values, '.png'), 'mono16; png compressed')
    np.testing.assert_array_equal(frame.pixels().reshape(values.shape), values >> 8)


def test_a_dark_16_bit_image_stays_dark():
    frame = decode_image(encoded(np.full((4, 5), 200, np.uint16), '.png'))
    assert not frame.bgr().any()


def test_transparency_is_dropped():
    bgra = np.dstack([picture(), np.full((48, 70), 3, np.uint8)])
    np.testing.assert_array_equal(decode_image(encoded(bgra, '.png')).bgr(), picture())


def test_exif_data_do_not_turn_it():
    data = turned(FILES['jpeg'])
    # OpenCV alone would.
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (70, 48, 3)
    frame = decode_image(data)
    assert frame.size == ImageSize(48, 70)
    np.testing.assert_array_equal(frame.bgr(), decode_image(FILES['jpeg']).bgr())


@pytest.mark.parametrize('bits', [8, 16])
def test_a_bayer_pattern_is_known_from_the_format(bits):
    # image_transport compresses a mosaic as if it were grey.
    mosaic = np.tile(np.array([[200, 110], [110, 30]], f'u{bits // 8}'), (6, 8)) << (bits - 8)
    frame = decode_image(encoded(mosaic, '.png'), f'bayer_rggb{bits}; png compressed ')
    np.testing.assert_array_equal(frame.rgb(), np.full((12, 16, 3), (200, 110, 30)))


@pytest.mark.parametrize(
    ('data', 'says'),
    [
        (b'', 'is empty'),
        (b'\0' * 12 + FILES['png'], "'h264' is neither JPEG nor PNG"),
        (b'GIF89a' + bytes(40), 'neither'),
        (b'\xff\xd8\xff\xd9', 'damaged|refused'),
    ],
)
def test_what_is_no_such_file_is_refused(data, says):
    with pytest.raises(FrameError, match=says) as error:
        decode_image(data, 'h264')
    assert '\n' not in str(error.value)


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(FILES['png'])
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(FrameError, match='damaged'):
        decode_image(bytes(data))


def test_a_picture_larger_than_opencv_allows_is_refused():
    chunk = b'IHDR' + struct.pack('>IIBBBBB', 1 << 20, 1 << 20, 8, 2, 0, 0, 0)
    header = struct.pack('>I', 13) + chunk + struct.pack('>I', zlib.crc32(chunk))
    end = bytes(4) + b'IEND' + struct.pack('>I', zlib.crc32(b'IEND'))
    with pytest.raises(FrameError, match=r'damaged|refused') as error:
        decode_image(b'\x89PNG\r\n\x1a\n' + header + end)
    assert '\n' not in str(error.value)
