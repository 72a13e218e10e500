"""The choice of a recording's reader."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support.recordings import image, noise, write_bag, write_image

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.recordings.recording import ReadOptions, open_recording, stated_tags

TAGS = CARLA_TAGS[23]
IDS = np.array([[6, 7], [7, 8]], np.uint8)


def small_folder(path):
    write_image(path / 'rgb' / '1.png', noise(2, 2, 3))
    write_image(path / 'label' / '1.png', IDS)
    return path


def small_bag(path):
    messages = [
        ('/rgb/image', 1, image(noise(2, 2, 3), 'bgr8', 10**9)),
        ('/semantic/image', 1, image(IDS, 'mono8', 10**9)),
    ]
    return write_bag(path, 'mcap', messages)


@pytest.mark.parametrize(('made', 'kind'), [(small_folder, 'folder'), (small_bag, 'rosbag2')])
def test_every_form_gives_the_same_frames(tmp_path, made, kind):
    recording = open_recording(made(tmp_path / 'r'), TAGS)
    assert recording.kind == kind
    assert recording.tags is TAGS
    assert len(recording) == len(recording.names) == len(recording.sequences) == 1
    pixels, ids = recording[0]
    np.testing.assert_array_equal(pixels, noise(2, 2, 3))
    np.testing.assert_array_equal(ids, IDS)


def test_a_storage_file_is_a_recording(tmp_path):
    (file,) = small_bag(tmp_path / 'r').glob('*.mcap')
    recording = open_recording(file, TAGS)
    np.testing.assert_array_equal(recording[0][1], IDS)
    assert list(recording.files()) == [file]


def test_the_form_and_the_options_reach_the_labels(tmp_path):
    folder = small_folder(tmp_path)
    with pytest.raises(RecordingError, match=r"1\.png: labels have 1 channels.*'red'"):
        open_recording(folder, TAGS, 'red')[0]
    tags = CARLA_TAGS[13]
    write_image(folder / 'label' / '1.png', IDS + np.uint8(6))
    recording = open_recording(folder, tags, options=ReadOptions(ignore_unknown=True))
    assert recording[0][1].tolist() == [[12, 255], [255, 255]]


def test_an_unknown_form_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="label form 'blue': give one of auto, ids, red, pal"):
        open_recording(small_folder(tmp_path), TAGS, 'blue')


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='none: not found'):
        open_recording(tmp_path / 'none', TAGS)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='no image in it'):
        open_recording(tmp_path, TAGS)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / 'drive.mp4').write_bytes(b'')
    with pytest.raises(RecordingError, match=r'drive\.mp4: no such folder'):
        open_recording(tmp_path / 'drive.mp4', TAGS)


def test_a_folder_of_both_forms_is_refused(tmp_path):
    bag = small_bag(tmp_path / 'r')
    small_folder(bag)
    with pytest.raises(RecordingError, match='both images and a rosbag2; keep them apart'):
        open_recording(bag, TAGS)


def loose_files(path):
    for name in ('a', 'b'):
        (file,) = small_bag(path.with_name(name)).glob('*.mcap')
        path.mkdir(exist_ok=True)
        file.rename(path / f'{name}.mcap')


def folders_of_bags(path):
    path.mkdir()
    for name in ('a.mcap', 'b.mcap'):
        small_bag(path / name)


@pytest.mark.parametrize('made', [loose_files, folders_of_bags])
def test_a_folder_of_several_bags_is_told(tmp_path, made):
    made(tmp_path / 'bags')
    with pytest.raises(RecordingError) as raised:
        open_recording(tmp_path / 'bags', TAGS)
    assert str(raised.value) == (
        f'recording {tmp_path}/bags: holds bags: name each one as a source of its own '
        '(a.mcap, b.mcap)'
    )


@pytest.mark.parametrize('part', ['', 'Town01_0'])
def test_tags_that_a_recording_states_are_kept_to(tmp_path, part):
    small_folder(tmp_path / 'Town01_0')
    (tmp_path / 'recording.json').write_text(json.dumps({'tags': 29}))
    path = tmp_path / part
    assert stated_tags(path) == 29
    assert len(open_recording(path, CARLA_TAGS[29])) == 1
    with pytest.raises(RecordingError) as raised:
        open_recording(path, TAGS)
    assert str(raised.value) == (
        f'recording {path}: its recording.json states the table of 29 tags; read it with that '
        'one, not with one of 23'
    )


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"tags": "mine"}', '{"tags": 99}'])
def test_a_file_of_that_name_that_states_no_tags_is_left_alone(tmp_path, text):
    small_folder(tmp_path / 'r')
    (tmp_path / 'recording.json').write_text(text)
    assert stated_tags(tmp_path) is None
    assert len(open_recording(tmp_path, TAGS)) == 1


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr(Path, 'iterdir', refuse)
    with pytest.raises(RecordingError, match=f'^{tmp_path}: cannot be read: Permission denied'):
        open_recording(tmp_path, TAGS)


def test_a_bag_needs_rosbags(tmp_path, monkeypatch):
    bag = small_bag(tmp_path / 'r')
    monkeypatch.setitem(sys.modules, 'unet_seg_ros.recordings.labelled_bag', None)
    with pytest.raises(ConfigurationError, match=r"needs rosbags .*unet_seg_ros\[recordings\]'"):
        open_recording(bag, TAGS)
