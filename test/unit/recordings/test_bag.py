"""Images of bags that this test writes itself, in both storages."""

from __future__ import annotations

import numpy as np
import pytest
from support.recordings import compressed, image, noise, text, write_bag

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.bag import choose_topic, image_topics, read_images
from unet_seg_ros.recordings.storage import is_bag

S = 10**9


@pytest.fixture(params=['mcap', 'sqlite3'])
def storage(request) -> str:
    return request.param


@pytest.fixture
def drive(tmp_path, storage):
    """A bag of two cameras, one of them compressed, and something that is no image."""
    messages = []
    for i in range(4):
        messages += [
            ('/front', 100 * S + i, image(noise(6, 5, 3, seed=i), 'rgb8', 7 * S + i, padding=4)),
            ('/rear/compressed', 100 * S + i, compressed(noise(4, 9, 3, seed=i), 8 * S + i)),
            ('/chatter', 100 * S + i, text('hello')),
        ]
    return write_bag(tmp_path / 'drive', storage, messages)


def test_topics_are_those_with_images(drive):
    assert image_topics(drive) == {'/front': 4, '/rear/compressed': 4}


def test_raw_images_come_out_as_they_went_in(drive):
    frames = list(read_images(drive, '/front'))
    assert [f.stamp_ns for f in frames] == [7 * S + i for i in range(4)]
    assert {f.frame_id for f in frames} == {'front_optical'}
    for i, f in enumerate(frames):
        assert (f.frame.encoding, f.frame.size, f.frame.step) == ('rgb8', (6, 5), 19)
        np.testing.assert_array_equal(f.frame.pixels(), noise(6, 5, 3, seed=i))


def test_compressed_images_are_decoded_to_bgr(drive):
    frames = list(read_images(drive, '/rear/compressed'))
    assert [f.stamp_ns for f in frames] == [8 * S + i for i in range(4)]
    for i, f in enumerate(frames):
        assert f.frame.encoding == 'bgr8'
        np.testing.assert_array_equal(f.frame.pixels(), noise(4, 9, 3, seed=i))


def test_a_storage_file_is_read_without_its_folder(drive, storage):
    suffix = {'mcap': '.mcap', 'sqlite3': '.db3'}[storage]
    (file,) = drive.glob(f'*{suffix}')
    assert is_bag(file)
    assert len(list(read_images(file, '/front'))) == 4


def test_without_a_stamp_the_time_of_recording_stands_in(tmp_path, storage):
    bag = write_bag(
        tmp_path / 'b', storage, [('/front', 5 * S + 3, image(noise(2, 2), 'mono8', 0))]
    )
    assert [f.stamp_ns for f in read_images(bag)] == [5 * S + 3]


def test_the_only_image_topic_needs_no_choice(tmp_path, storage):
    messages = [('/front', S, image(noise(2, 2), 'mono8', S)), ('/chatter', S, text('hello'))]
    assert choose_topic(write_bag(tmp_path / 'b', storage, messages)) == '/front'


def refusal(path, topic=None) -> str:
    with pytest.raises(RecordingError) as raised:
        list(read_images(path, topic))
    message = str(raised.value)
    assert '\n' not in message
    assert str(path) in message
    return message


def test_several_topics_are_named(drive):
    assert 'choose a topic, one of /front, /rear/compressed' in refusal(drive)


def test_an_unknown_topic_is_refused_with_the_known_ones(drive):
    assert 'no images on /back; there are /front, /rear/compressed' in refusal(drive, '/back')


def test_a_topic_without_images_is_refused(drive):
    assert 'no images on /chatter' in refusal(drive, '/chatter')


def test_a_bag_without_images_is_refused(tmp_path, storage):
    bag = write_bag(tmp_path / 'b', storage, [('/chatter', S, text('hello'))])
    assert 'holds no sensor_msgs images' in refusal(bag)


def test_what_is_no_bag_is_refused(tmp_path):
    folder, video = tmp_path / 'folder', tmp_path / 'drive.mp4'
    folder.mkdir()
    video.write_bytes(b'no bag')
    assert 'not found' in refusal(tmp_path / 'nowhere')
    assert 'no rosbag2' in refusal(folder)
    assert 'no rosbag2' in refusal(video)


def test_a_bag_without_its_metadata_is_refused(drive):
    (drive / 'metadata.yaml').unlink()
    assert 'metadata' in refusal(drive)


@pytest.mark.parametrize('share', [0.0, 0.2, 0.5, 0.8, 0.99])
def test_a_bag_that_was_cut_off_is_refused(drive, share):
    (file,) = (f for f in drive.iterdir() if f.suffix in ('.mcap', '.db3'))
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    assert 'damaged' in refusal(drive, '/front')


def test_an_image_that_cannot_be_decoded_is_refused(tmp_path, storage):
    broken = compressed(noise(4, 4, 3), S)
    broken.data[:] = 0
    bag = write_bag(tmp_path / 'b', storage, [('/front', S, broken)])
    assert "format 'png' cannot be decoded" in refusal(bag)
