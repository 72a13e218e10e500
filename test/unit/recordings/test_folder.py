"""Images with their labels: which belong together, what is refused, real recordings."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from support.labelled_images import IDS, IMAGE, TAGS
from support.recordings import write_image

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.folder import LabelledFolder
from unet_seg_ros.recordings.recording import ReadOptions


def test_plain_images_are_no_labelled_folder(tmp_path):
    write_image(tmp_path / '1.png', IMAGE)
    with pytest.raises(RecordingError, match='no label image; expected rgb/ with label/'):
        LabelledFolder(tmp_path, TAGS)


@pytest.mark.parametrize(
    ('skip_unpaired', 'told'),
    [
        (False, '{}/rgb/1.png: no label image; expected {}/label/1.png'),
        (True, 'recording {}: no image has labels; expected {}/label/*.png'),
    ],
)
def test_a_missing_label_is_told_whatever_the_path(tmp_path, skip_unpaired, told):
    path = tmp_path / '{town}'
    write_image(path / 'rgb' / '1.png', IMAGE)
    with pytest.raises(RecordingError) as raised:
        LabelledFolder(path, TAGS, options=ReadOptions(skip_unpaired=skip_unpaired))
    assert str(raised.value) == told.format(path, path)


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
