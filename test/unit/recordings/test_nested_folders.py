"""Images in a folder and below it, other pictures beside drives, folders that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.labelled_images import IDS, IMAGE, TAGS, write_pairs
from support.recordings import write_image

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.folder import LabelledFolder, list_images


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


def test_a_picture_beside_the_folders_is_no_frame(tmp_path):
    write_image(tmp_path / 'overview.png', IMAGE)
    write_image(tmp_path / 'Town02' / 'rgb' / '1.png', IMAGE)
    write_image(tmp_path / 'Town02' / 'rgb' / '._1.png', IMAGE)
    write_image(tmp_path / 'Town02' / 'label' / '1.png', IDS)
    assert LabelledFolder(tmp_path, TAGS).names == ['Town02/rgb/1.png']


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
