"""Compressed camera images, ``sensor_msgs/CompressedImage``: whole JPEG and PNG files only."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from unet_seg_ros.core.errors import FrameError, one_line
from unet_seg_ros.core.pixels import ENCODINGS, RawFrame
from unet_seg_ros.core.size import ByteArray, ImageSize

_JPEG_MAGIC = b'\xff\xd8\xff'
_PNG_MAGIC = b'\x89PNG\r\n\x1a\n'

# ITU T.81, B.1.1: a marker is FF and a code. After FF, 00 is a value in the compressed data, D0 to
# D7 restart them, both without a segment of their own, and FF only fills.
_IS_JPEG_MARKER = np.ones(256, np.bool_)
_IS_JPEG_MARKER[[0x00, *range(0xD0, 0xD8), 0xFF]] = False
_JPEG_END = 0xD9

# Eight bits per channel and BGR, or grey as it is; never turned as EXIF data says, because masks
# and camera_info are not.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_image(data: bytes, description: str = '') -> RawFrame:
    """
    Decode a compressed camera image.

    OpenCV 4.6, which Ubuntu 24.04 has, makes a picture of a JPEG that was cut off, wrong below the
    cut, so a file must have its end. A loss in its middle cannot be told from a picture.

    Parameters
    ----------
    data : bytes
        A JPEG or PNG file; what follows its end is ignored. Of 16-bit channels the high byte is
        taken, transparency is dropped, and it is not rotated.
    description : str
        The message's ``format``, such as ``bgr8; jpeg compressed bgr8``. The file says itself
        what it is; only a Bayer pattern is known from here.

    Returns
    -------
    RawFrame
        In bgr8; mono8 or the Bayer pattern where the file is grey.

    Raises
    ------
    FrameError
        If the data are empty, cut off, damaged, or neither JPEG nor PNG.

    """
    if not data:
        raise FrameError('compressed image is empty')
    if data.startswith(_JPEG_MAGIC):
        kind, is_whole = 'JPEG', _is_whole_jpeg(data)
    elif data.startswith(_PNG_MAGIC):
        kind, is_whole = 'PNG', _is_whole_png(data)
    else:
        raise FrameError(
            f'compressed image of format {description!r} is neither JPEG nor PNG: send one of them'
        )
    if not is_whole:
        raise FrameError(f'{kind} image of {len(data)} bytes is cut off: its end is missing')
    image = _decode(data, kind)
    return RawFrame.from_bgr(image) if image.ndim == 3 else _grey_frame(image, description)


def _grey_frame(image_hw: ByteArray, description: str) -> RawFrame:
    # Its 16-bit patterns have become 8-bit ones.
    encoding = description.partition(';')[0].strip().replace('16', '8')
    if not (encoding.startswith('bayer_') and encoding in ENCODINGS):
        encoding = 'mono8'
    size = ImageSize.of(image_hw)
    return RawFrame(np.ascontiguousarray(image_hw).reshape(-1), encoding, size, size.width)


def _decode(data: bytes, kind: str) -> ByteArray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as e:
        raise FrameError(f'{kind} image of {len(data)} bytes is refused: {one_line(e)}') from e
    if image is None:
        raise FrameError(f'{kind} image of {len(data)} bytes is damaged')
    return cast(ByteArray, image)


def _is_whole_jpeg(data: bytes) -> bool:
    values = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(values[:-1] == 0xFF)
    places = places[_IS_JPEG_MARKER[values[places + 1]]]
    at = 2
    while (i := int(np.searchsorted(places, at))) < len(places):
        at = int(places[i]) + 2
        if data[at - 1] == _JPEG_END:
            return True
        # A segment begins with its length, and may hold bytes that look like markers.
        at += int.from_bytes(data[at : at + 2], 'big')
    return False


def _is_whole_png(data: bytes) -> bool:
    # Each chunk: length of its content, kind, content, checksum.
    start, kind = len(_PNG_MAGIC), b''
    while kind != b'IEND' and start + 8 <= len(data):
        kind = data[start + 4 : start + 8]
        start += 12 + int.from_bytes(data[start : start + 4], 'big')
    return kind == b'IEND' and start <= len(data)
