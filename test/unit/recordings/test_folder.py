from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.folder import LabelledFolder, list_images, read_image

TAGS = CARLA_TAGS[23]
IDS = np.array([[0, 6, 7, 8], [7, 7, 0, 0]], np.uint8)
#: Blue, green and red differ, so a swapped order shows.
IMAGE = np.stack([IDS, 10 + IDS, 200 + IDS], axis=-1)

LAYOUTS = [
    ('rgb/{}.webp', 'label/{}.png'),
    ('rgb/{}.png', 'label/{}.png'),
    ('RGB/{}.png', 'Segmentation_Images/{}.png'),
    ('CameraRGB/{}.png', 'CameraSeg/{}.png'),
    ('{}_img.png', '{}_labelIds.png'),
]


def _write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Above 100: lossless WebP.
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_WEBP_QUALITY, 101])


@pytest.mark.parametrize(('image', 'label'), LAYOUTS)
def test_every_known_layout_is_read(tmp_path, image, label):
    for number in (2, 10):
        _write(tmp_path / image.format(number), IMAGE + np.uint8(number))
        _write(tmp_path / label.format(number), IDS)
    folder = LabelledFolder(tmp_path, TAGS)
    frames = list(folder)
    assert len(folder) == len(frames) == 2
    for (pixels, ids), number in zip(frames, (2, 10), strict=True):
        assert np.array_equal(pixels, IMAGE + np.uint8(number))
        assert np.array_equal(ids, IDS)


def test_palette_files_beside_the_ids_are_no_images(tmp_path):
    for name in ('a_img', 'a_labelIds', 'a_color'):
        _write(tmp_path / f'{name}.png', IMAGE)
    assert list_images(tmp_path) == [tmp_path / 'a_img.png']


def test_plain_images_come_in_natural_order(tmp_path):
    names = ['10.png', '2.png', 'a1.jpg', 'a10.png', 'a9.png']
    for name in names:
        _write(tmp_path / name, IMAGE)
    (tmp_path / 'notes.txt').write_text('no image')
    expected = ['2.png', '10.png', 'a1.jpg', 'a9.png', 'a10.png']
    assert [path.name for path in list_images(tmp_path)] == expected


def test_a_grey_image_is_read_in_three_channels(tmp_path):
    _write(tmp_path / 'grey.png', IDS)
    assert np.array_equal(read_image(tmp_path / 'grey.png'), np.stack([IDS] * 3, axis=-1))


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no such folder'):
        list_images(tmp_path / 'none')


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no image in it'):
        list_images(tmp_path)


def test_an_image_without_a_label_is_named(tmp_path):
    _write(tmp_path / 'rgb' / '1.png', IMAGE)
    with pytest.raises(RecordingError, match=r'1\.png: no label image; expected .*label/1\.png'):
        LabelledFolder(tmp_path, TAGS)


def test_plain_images_are_no_labelled_folder(tmp_path):
    _write(tmp_path / '1.png', IMAGE)
    with pytest.raises(RecordingError, match='no label image; expected rgb/ with label/'):
        LabelledFolder(tmp_path, TAGS)


def test_a_label_of_another_size_is_refused(tmp_path):
    _write(tmp_path / 'rgb' / '1.png', IMAGE)
    _write(tmp_path / 'label' / '1.png', IDS[:1])
    with pytest.raises(RecordingError, match=r'1\.png: size 4x1, but its image has 4x2'):
        LabelledFolder(tmp_path, TAGS)[0]


def test_a_bad_label_is_named_by_its_file(tmp_path):
    _write(tmp_path / 'rgb' / '1.png', IMAGE)
    _write(tmp_path / 'label' / '1.png', IDS + np.uint8(30))
    with pytest.raises(RecordingError, match=r'label/1\.png: labels hold id 30'):
        LabelledFolder(tmp_path, TAGS)[0]


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / '1.png').write_bytes(b'no picture')
    with pytest.raises(RecordingError, match=r'1\.png: not a readable image'):
        read_image(tmp_path / '1.png')


@pytest.mark.parametrize(
    ('name', 'num_tags', 'size', 'ahead'),
    [
        ('carla_0.9.14_ids', 29, (1024, 2048), 'Roads'),
        ('carla_0.8_red_channel', 13, (600, 800), 'Road'),
        # This one looks over its own bonnet.
        ('carla_0.9.5_palette', 13, (540, 960), 'Vehicle'),
    ],
)
def test_real_carla_recordings_are_read(shared_data, name, num_tags, size, ahead):
    tags = CARLA_TAGS[num_tags]
    frames = list(LabelledFolder(shared_data / 'carla_formats' / name, tags))
    assert len(frames) == 2
    for image, ids in frames:
        assert image.shape == (*size, 3)
        assert ids.shape == size
        middle = ids[int(0.6 * size[0]) : int(0.75 * size[0]), size[1] // 3 : 2 * size[1] // 3]
        assert (middle == tags.ids_by_name[ahead]).mean() > 0.3


def test_the_town02_drive_is_read(shared_data):
    folder = LabelledFolder(shared_data / 'carla_town02' / 'val', TAGS)
    assert len(folder) == 400
    image, ids = folder[0]
    assert image.shape == (80, 160, 3)
    assert set(np.unique(ids)) <= {0, 6, 7, 8}
