"""The folder that is written is one that our readers open."""

from __future__ import annotations

import json

import pytest

from unet_seg_ros.collect.plan import DrivePlan
from unet_seg_ros.collect.recording import Recording
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.recordings.folder import LabelledFolder

ABOUT = {'server_version': '0.9.15', 'tags': 29, 'camera': {'width': 6}}
PLAN = DrivePlan(town='Town01', weather='ClearNoon', seed=3)


@pytest.fixture
def record(tmp_path, image):
    """Return what records a drive of frames whose blue counts from 10, with one tag all over."""

    def write(num_frames: int, tag: int = 24, append: bool = False, **about) -> Recording:
        recording = Recording(tmp_path / 'out', {**ABOUT, **about}, append=append)
        recording.begin(PLAN, vehicles=2)
        for n in range(num_frames):
            recording.add(image(n, (10 + n, 20, 30, 255)), image(n, (0, 0, tag, 255)))
        return recording

    return write


def told(recording: Recording) -> dict:
    return json.loads((recording.output / 'recording.json').read_text())


def files(recording: Recording) -> list[str]:
    return sorted(
        str(f.relative_to(recording.output)) for f in recording.output.rglob('*') if f.is_file()
    )


def test_a_drive_is_read_back_with_its_colours_and_tags(record):
    recording = record(2)
    folder = LabelledFolder(recording.output / 'Town01_0', CARLA_TAGS[29])
    assert len(folder) == 2
    image, label = folder[1]
    assert image.shape == (4, 6, 3)
    assert image[0, 0].tolist() == [11, 20, 30]
    assert (label == CARLA_TAGS[29].ids_by_name['RoadLines']).all()
    assert files(recording) == [
        'Town01_0/label/000000.png',
        'Town01_0/label/000001.png',
        'Town01_0/rgb/000000.png',
        'Town01_0/rgb/000001.png',
        'recording.json',
    ]


def test_the_recording_tells_of_its_drives(record):
    recording = record(2)
    recording.mark_jump()
    recording.begin(PLAN)
    drive = {'name': 'Town01_0', 'town': 'Town01', 'weather': 'ClearNoon', 'seed': 3}
    drive |= {'vehicles': 2, 'frames': 2, 'jumps': []}
    expected = {**ABOUT, 'towns': ['Town01'], 'weathers': ['ClearNoon'], 'drives': [drive]}
    assert told(recording) == expected


def test_a_jump_names_the_frame_that_follows_it(record, image):
    recording = record(1)
    recording.mark_jump()
    recording.add(image(9, (0, 0, 0, 255)), image(9, (0, 0, 1, 255)))
    assert told(recording)['drives'][0]['jumps'] == [1]


def test_a_drive_without_a_frame_leaves_nothing(record):
    assert not record(0).output.exists()


def test_an_image_is_there_only_after_its_label(record, image):
    recording = record(1)
    (recording.output / 'Town01_0' / 'rgb' / '.000001.png.part').mkdir()
    with pytest.raises(RecordingError, match=r'rgb/000001\.png: cannot be written: Is a dir'):
        recording.add(image(1, (0, 0, 0, 255)), image(1, (0, 0, 1, 255)))
    assert 'Town01_0/label/000001.png' in files(recording)
    assert 'Town01_0/rgb/000001.png' not in files(recording)
    assert told(recording)['drives'][0]['frames'] == 1


def test_tags_that_the_table_lacks_are_refused_before_they_are_written(record):
    with pytest.raises(RecordingError, match='labels hold id 29'):
        record(1, tag=29)


def test_another_recording_is_not_overwritten(record):
    record(1)
    with pytest.raises(ConfigurationError, match=r'holds a recording of 1 drives; .* --append'):
        record(1)


@pytest.mark.parametrize('append', [False, True])
def test_a_folder_of_something_else_is_refused(record, tmp_path, append):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'mine.txt').write_text('mine')
    with pytest.raises(ConfigurationError, match='neither an empty folder nor a recording'):
        record(1, append=append)


def test_drives_are_added_under_the_next_free_name(record):
    record(1)
    recording = record(2, append=True)
    drives = told(recording)['drives']
    assert [(drive['name'], drive['frames']) for drive in drives] == [
        ('Town01_0', 1),
        ('Town01_1', 2),
    ]


def test_drives_of_another_kind_are_not_added(record, tmp_path):
    record(1)
    with pytest.raises(ConfigurationError) as refusal:
        record(1, append=True, tags=23)
    assert str(refusal.value) == (
        f'--append: tags is 23, but 29 in {tmp_path / "out"}; take another folder'
    )
