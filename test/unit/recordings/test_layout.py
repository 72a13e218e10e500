"""Layouts of folders: where images and labels lie, which drives they make, what is no frame."""

from __future__ import annotations

import numpy as np
import pytest
from support.labelled_images import IDS, IMAGE, TAGS, write_pairs
from support.recordings import write_image

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.folder import LabelledFolder, list_images
from unet_seg_ros.recordings.recording import ReadOptions

LAYOUTS = [
    ('rgb/{}.webp', 'label/{}.png'),
    ('rgb/{}.png', 'labels/{}.png'),
    ('rgb/{}.jpg', 'semantic/{}.bmp'),
    ('images/{}.png', 'labels/{}.png'),
    ('RGB/{}.png', 'Segmentation_Images/{}.png'),
    ('CameraRGB/{}.png', 'CameraSeg/{}.png'),
    ('rgb/{}_rgb.png', 'semantic/{}_semantic.png'),
    ('{}_img.png', '{}_labelIds.png'),
    ('{}_rgb.png', '{}_seg.png'),
    ('{}.png', '{}_label.png'),
]


@pytest.mark.parametrize(('image', 'label'), LAYOUTS)
def test_every_known_layout_is_read(tmp_path, image, label):
    for number in (2, 10):
        write_image(tmp_path / image.format(number), IMAGE + np.uint8(number))
        write_image(tmp_path / label.format(number), IDS)
    folder = LabelledFolder(tmp_path, TAGS)
    frames = list(folder)
    assert len(folder) == len(frames) == 2
    for (pixels, ids), number in zip(frames, (2, 10), strict=True):
        if not image.endswith('.jpg'):
            assert np.array_equal(pixels, IMAGE + np.uint8(number))
        assert np.array_equal(ids, IDS)
    assert folder.names == [image.format(number) for number in (2, 10)]
    assert folder.sequences == [image.format(2)] * 2


def test_palette_files_beside_the_ids_are_no_images(tmp_path):
    for name in ('a_img', 'a_labelIds', 'a_color'):
        write_image(tmp_path / f'{name}.png', IMAGE)
    assert list_images(tmp_path) == [tmp_path / 'a_img.png']


def test_plain_images_come_in_natural_order(tmp_path):
    names = ['10.png', '2.png', 'a1.jpg', 'a10.png', 'a9.png']
    for name in names:
        write_image(tmp_path / name, IMAGE)
    (tmp_path / 'notes.txt').write_text('no image')
    expected = ['2.png', '10.png', 'a1.jpg', 'a9.png', 'a10.png']
    assert [path.name for path in list_images(tmp_path)] == expected


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no such folder'):
        list_images(tmp_path / 'none')


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no image in it'):
        list_images(tmp_path)


def test_folders_below_are_sequences_of_their_own(tmp_path):
    for town in ('Town10', 'Town02'):
        for number in (1, 2):
            write_image(tmp_path / town / 'rgb' / f'{number}.png', IMAGE)
            write_image(tmp_path / town / 'label' / f'{number}.png', IDS)
    folder = LabelledFolder(tmp_path, TAGS)
    assert folder.names == [
        'Town02/rgb/1.png',
        'Town02/rgb/2.png',
        'Town10/rgb/1.png',
        'Town10/rgb/2.png',
    ]
    assert folder.sequences == ['Town02/rgb/1.png'] * 2 + ['Town10/rgb/1.png'] * 2


def test_folders_below_images_and_labels_are_sequences_too(tmp_path):
    for town in ('a', 'b'):
        write_image(tmp_path / 'images' / town / '1.png', IMAGE)
        write_image(tmp_path / 'labels' / town / '1.png', IDS)
    folder = LabelledFolder(tmp_path, TAGS)
    assert folder.sequences == folder.names == ['images/a/1.png', 'images/b/1.png']


def test_drives_below_a_folder_that_is_called_like_labels_are_read(tmp_path):
    write_pairs(tmp_path, ('semantic/Town02/rgb', 'semantic/Town02/label'))
    assert LabelledFolder(tmp_path, TAGS).names == ['semantic/Town02/rgb/1.png']


def two_kinds_of_labels(path):
    write_image(path / 'rgb' / '1.png', IMAGE)
    write_image(path / 'label' / '1.png', IDS)
    write_image(path / 'semantic' / '1.png', IDS * np.uint8(0))
    return path


def test_two_folders_of_labels_are_refused_by_name(tmp_path):
    with pytest.raises(RecordingError, match='label/, semantic/ may all hold labels; name one'):
        LabelledFolder(two_kinds_of_labels(tmp_path), TAGS)


def test_images_alone_need_no_choice_of_labels(tmp_path):
    two_kinds_of_labels(tmp_path)
    assert list_images(tmp_path) == [tmp_path / 'rgb' / '1.png']


def test_folders_may_be_named(tmp_path):
    two_kinds_of_labels(tmp_path)
    write_image(tmp_path / 'left' / '1.png', IMAGE + np.uint8(1))
    options = ReadOptions(images='left', labels='label')
    image, ids = LabelledFolder(tmp_path, TAGS, options=options)[0]
    assert np.array_equal(image, IMAGE + np.uint8(1))
    assert np.array_equal(ids, IDS)


def test_a_named_folder_must_be_there(tmp_path):
    with pytest.raises(RecordingError, match='no left/ with images'):
        LabelledFolder(two_kinds_of_labels(tmp_path), TAGS, options=ReadOptions(images='left'))
