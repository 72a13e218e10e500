from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.recordings import noise, write_image

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.folder import LabelledFolder, list_images, read_image
from unet_seg_ros.recordings.recording import ReadOptions

TAGS = CARLA_TAGS[23]
IDS = np.array([[0, 6, 7, 8], [7, 7, 0, 0]], np.uint8)
#: Blue, green and red differ, so a swapped order shows.
IMAGE = np.stack([IDS, 10 + IDS, 200 + IDS], axis=-1)

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


def test_a_grey_image_is_read_in_three_channels(tmp_path):
    write_image(tmp_path / 'grey.png', IDS)
    assert np.array_equal(read_image(tmp_path / 'grey.png'), np.stack([IDS] * 3, axis=-1))


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no such folder'):
        list_images(tmp_path / 'none')


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no image in it'):
        list_images(tmp_path)


def test_an_image_without_a_label_is_named(tmp_path):
    write_image(tmp_path / 'rgb' / '1.png', IMAGE)
    with pytest.raises(RecordingError, match=r'1\.png: no label image; expected .*label/1\.png'):
        LabelledFolder(tmp_path, TAGS)


def test_plain_images_are_no_labelled_folder(tmp_path):
    write_image(tmp_path / '1.png', IMAGE)
    with pytest.raises(RecordingError, match='no label image; expected rgb/ with label/'):
        LabelledFolder(tmp_path, TAGS)


def test_a_label_of_another_size_is_refused(tmp_path):
    write_image(tmp_path / 'rgb' / '1.png', IMAGE)
    write_image(tmp_path / 'label' / '1.png', IDS[:1])
    with pytest.raises(RecordingError, match=r'1\.png: size 4x1, but its image has 4x2'):
        LabelledFolder(tmp_path, TAGS)[0]


def test_a_bad_label_is_named_by_its_file(tmp_path):
    write_image(tmp_path / 'rgb' / '1.png', IMAGE)
    write_image(tmp_path / 'label' / '1.png', IDS + np.uint8(30))
    with pytest.raises(RecordingError, match=r'label/1\.png: labels hold id 30'):
        LabelledFolder(tmp_path, TAGS)[0]


@pytest.mark.parametrize('share', [0.0, 0.5, 0.98])
def test_a_cut_off_file_is_named(tmp_path, share):
    path = write_image(tmp_path / '1.png', noise(40, 40, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RecordingError, match=r'1\.png: not a readable image'):
        read_image(path)


@pytest.mark.parametrize('share', [0.1, 0.5, 0.98])
def test_a_cut_off_jpeg_is_named_whatever_opencv_makes_of_it(tmp_path, share):
    path = write_image(tmp_path / '1.jpg', noise(40, 40, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RecordingError, match=r'1\.jpg: JPEG image of .* is cut off'):
        read_image(path)


def test_a_grey_jpeg_has_three_channels(tmp_path):
    image = read_image(write_image(tmp_path / '1.jpg', np.full((8, 8), 90, np.uint8)))
    assert (image.shape, image.dtype, set(image.ravel())) == ((8, 8, 3), np.uint8, {90})


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / '1.png').write_bytes(b'no picture')
    with pytest.raises(RecordingError, match=r'1\.png: not a readable image'):
        read_image(tmp_path / '1.png')


def test_images_are_not_turned_as_their_exif_data_says(tmp_path):
    path = write_image(tmp_path / '1.jpg', noise(8, 16, 3))
    jpeg = path.read_bytes()
    # Orientation (0x0112) 6: to be turned by a quarter.
    tiff = b'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
    exif = b'Exif\0\0' + tiff
    path.write_bytes(jpeg[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + jpeg[2:])
    assert cv2.imread(str(path)).shape == (16, 8, 3)
    assert read_image(path).shape == (8, 16, 3)


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


def test_a_picture_beside_the_folders_is_no_frame(tmp_path):
    write_image(tmp_path / 'overview.png', IMAGE)
    write_image(tmp_path / 'Town02' / 'rgb' / '1.png', IMAGE)
    write_image(tmp_path / 'Town02' / 'rgb' / '._1.png', IMAGE)
    write_image(tmp_path / 'Town02' / 'label' / '1.png', IDS)
    assert LabelledFolder(tmp_path, TAGS).names == ['Town02/rgb/1.png']


def write_pairs(path, *pairs):
    """Write for each folder of images, and that of its labels, a pair."""
    for images, labels in pairs:
        write_image(path / images / '1.png', IMAGE)
        write_image(path / labels / '1.png', IDS)


@pytest.mark.parametrize(
    ('outer', 'inner'),
    [
        (('rgb', 'label'), ('Town02/rgb', 'Town02/label')),
        (('rgb', 'label'), ('rgb/night', 'label/night')),
        (('rgb', 'label'), ('deep/down/rgb', 'deep/down/label')),
    ],
)
@pytest.mark.parametrize('read', [lambda path: LabelledFolder(path, TAGS), list_images])
def test_images_in_a_folder_and_below_it_are_refused(tmp_path, outer, inner, read):
    write_pairs(tmp_path, outer, inner)
    with pytest.raises(RecordingError) as raised:
        read(tmp_path)
    first, second = tmp_path / outer[0], tmp_path / inner[0]
    assert str(raised.value).startswith(f'images both in {first} and in {second}, which is below')


@pytest.mark.parametrize('below', ['night/1.png', 'night/rgb/1.png', 'rgb/1.png'])
def test_pairs_beside_each_other_and_images_below_are_refused(tmp_path, below):
    write_image(tmp_path / '1_img.png', IMAGE)
    write_image(tmp_path / '1_labelIds.png', IDS)
    write_image(tmp_path / below, IMAGE)
    if below == 'night/1.png':
        write_image(tmp_path / 'night' / '1_label.png', IDS)
    with pytest.raises(RecordingError, match=f'images both in {tmp_path} and in {tmp_path}/'):
        LabelledFolder(tmp_path, TAGS)


def test_plain_images_in_a_folder_and_below_it_are_refused(tmp_path):
    write_image(tmp_path / '1.png', IMAGE)
    write_image(tmp_path / 'night' / '1.png', IMAGE)
    with pytest.raises(RecordingError, match=f'both in {tmp_path} and in {tmp_path}/night, which'):
        list_images(tmp_path)


@pytest.mark.parametrize('other', ['depth', 'plots', '.rgb', 'rgb/.old', 'rgb/labels', 'masks/a'])
def test_other_pictures_beside_images_and_labels_are_no_frames(tmp_path, other):
    write_pairs(tmp_path, ('rgb', 'label'))
    write_image(tmp_path / other / '1.png', IMAGE)
    if other == 'masks/a':
        write_image(tmp_path / other / '1_label.png', IDS)
        assert list_images(tmp_path) == [tmp_path / 'rgb' / '1.png']
    else:
        assert LabelledFolder(tmp_path, TAGS).names == ['rgb/1.png']


@pytest.mark.parametrize('other', ['plots', 'Town03/label', 'Town03/plots', 'masks', 'masks/a'])
def test_folders_without_a_layout_beside_drives_are_left_out(tmp_path, other):
    write_pairs(tmp_path, ('Town02/rgb', 'Town02/label'))
    write_image(tmp_path / other / '1.png', IMAGE)
    assert LabelledFolder(tmp_path, TAGS).names == ['Town02/rgb/1.png']


def test_labels_alone_are_no_images(tmp_path):
    write_image(tmp_path / 'Town02' / 'label' / '1.png', IDS)
    with pytest.raises(RecordingError, match='no image in it'):
        list_images(tmp_path)


def test_drives_below_a_folder_that_is_called_like_labels_are_read(tmp_path):
    write_pairs(tmp_path, ('semantic/Town02/rgb', 'semantic/Town02/label'))
    assert LabelledFolder(tmp_path, TAGS).names == ['semantic/Town02/rgb/1.png']


def unreadable(monkeypatch, folder):
    """Refuse to list a folder, as to a user who lacks the right; root has it always."""
    iterdir = Path.iterdir

    def refuse(path):
        if path == folder:
            raise PermissionError(13, 'Permission denied', str(path))
        return iterdir(path)

    folder.mkdir()
    monkeypatch.setattr(Path, 'iterdir', refuse)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    write_pairs(tmp_path, ('Town02/rgb', 'Town02/label'))
    unreadable(monkeypatch, tmp_path / 'private')
    with pytest.raises(RecordingError) as raised:
        LabelledFolder(tmp_path, TAGS)
    assert str(raised.value) == f'{tmp_path}/private: cannot be read: Permission denied'


def test_what_the_file_system_keeps_for_itself_is_not_read(tmp_path, monkeypatch):
    write_pairs(tmp_path, ('Town02/rgb', 'Town02/label'))
    unreadable(monkeypatch, tmp_path / 'lost+found')
    assert LabelledFolder(tmp_path, TAGS).names == ['Town02/rgb/1.png']


@pytest.mark.parametrize('skip_unpaired', [False, True])
def test_a_missing_label_is_told_whatever_the_path(tmp_path, skip_unpaired):
    path = tmp_path / '{town}'
    write_image(path / 'rgb' / '1.png', IMAGE)
    expected = f'expected {path}/label/{"*" if skip_unpaired else "1"}.png'
    with pytest.raises(RecordingError) as raised:
        LabelledFolder(path, TAGS, options=ReadOptions(skip_unpaired=skip_unpaired))
    assert str(raised.value).endswith(expected)


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


def test_jpeg_labels_are_refused(tmp_path):
    write_image(tmp_path / 'rgb' / '1.png', IMAGE)
    write_image(tmp_path / 'label' / '1.jpg', IDS)
    with pytest.raises(RecordingError, match=r'1\.jpg: labels must be PNG or BMP; \.jpg does not'):
        LabelledFolder(tmp_path, TAGS)


def test_two_labels_of_one_image_are_refused(tmp_path):
    for name in ('1_img', '1_seg', '1_labelIds'):
        write_image(tmp_path / f'{name}.png', IDS)
    with pytest.raises(RecordingError, match=r'1_seg\.png: 1_labelIds\.png may be the labels of'):
        LabelledFolder(tmp_path, TAGS)


def test_what_lacks_its_other_half_is_left_out_on_request(tmp_path):
    for number in (1, 2):
        write_image(tmp_path / 'rgb' / f'{number}.png', IMAGE)
    for number in (2, 3):
        write_image(tmp_path / 'label' / f'{number}.png', IDS)
    folder = LabelledFolder(tmp_path, TAGS, options=ReadOptions(skip_unpaired=True))
    assert folder.names == ['rgb/2.png']
    assert folder.unpaired_images == ['rgb/1.png']
    assert folder.unpaired_labels == ['label/3.png']


def test_a_folder_without_any_label_is_refused_even_so(tmp_path):
    write_image(tmp_path / 'rgb' / '1.png', IMAGE)
    with pytest.raises(RecordingError, match=r'no image has labels; expected .*label/\*\.png'):
        LabelledFolder(tmp_path, TAGS, options=ReadOptions(skip_unpaired=True))


def test_unknown_ids_do_not_count_on_request(tmp_path):
    write_image(tmp_path / 'rgb' / '1.png', IMAGE)
    write_image(tmp_path / 'label' / '1.png', IDS + np.uint8(20))
    folder = LabelledFolder(tmp_path, TAGS, options=ReadOptions(ignore_unknown=True))
    assert np.array_equal(folder[0][1], [[20, 255, 255, 255], [255, 255, 20, 20]])


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
    assert set(folder.sequences) == {'rgb/010000.webp'}


def test_the_gap_in_the_town02_drives_is_a_cut(shared_data):
    folder = LabelledFolder(shared_data / 'carla_town02' / 'train', TAGS)
    assert Counter(folder.sequences) == {'rgb/000000.webp': 2500, 'rgb/012000.webp': 1304}
