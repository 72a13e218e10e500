"""Image files: their pixels, and those that are damaged or none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support.labelled_images import IDS
from support.recordings import noise, write_image

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.folder import read_image


def test_a_grey_image_is_read_in_three_channels(tmp_path):
    write_image(tmp_path / 'grey.png', IDS)
    assert np.array_equal(read_image(tmp_path / 'grey.png'), np.stack([IDS] * 3, axis=-1))


def test_a_grey_jpeg_has_three_channels(tmp_path):
    image = read_image(write_image(tmp_path / '1.jpg', np.full((8, 8), 90, np.uint8)))
    assert (image.shape, image.dtype, set(image.ravel())) == ((8, 8, 3), np.uint8, {90})


def test_images_are_not_turned_as_their_exif_data_says(tmp_path):
    path = write_image(tmp_path / '1.jpg', noise(8, 16, 3))
    jpeg = path.read_bytes()
    # Orientation (0x0112) 6: to be turned by a quarter.
    tiff = b'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
    exif = b'Exif\0\0' + tiff
    path.write_bytes(jpeg[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + jpeg[2:])
    assert cv2.imread(str(path)).shape == (16, 8, 3)
    assert read_image(path).shape == (8, 16, 3)


# OpenCV of some distributions makes a picture of a cut-off JPEG.
@pytest.mark.parametrize(
    ('name', 'share', 'told'),
    [
        *(('1.png', share, r'1\.png: not a readable image') for share in (0.0, 0.5, 0.98)),
        *(('1.jpg', share, r'1\.jpg: JPEG image of .* is cut off') for share in (0.1, 0.5, 0.98)),
    ],
)
def test_a_cut_off_file_is_named(name, share, told, tmp_path):
    path = write_image(tmp_path / name, noise(40, 40, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RecordingError, match=told):
        read_image(path)


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / '1.png').write_bytes(b'no picture')
    with pytest.raises(RecordingError, match=r'1\.png: not a readable image'):
        read_image(tmp_path / '1.png')
