"""Images of bags that this test writes itself, in both storages."""

from __future__ import annotations

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore
from support.recordings import camera_info, compressed, image, noise, text, write_bag

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.bag import choose_topic, image_topics, read_images
from unet_seg_ros.recordings.storage import is_bag

S = 10**9
INFO = 'sensor_msgs/msg/CameraInfo'


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


def test_compressed_grey_and_bayer_images_keep_their_encoding(tmp_path, storage):
    messages = []
    for i, words in enumerate(['mono8; png compressed mono8', 'bayer_rggb8; png compressed ']):
        message = compressed(noise(4, 6, seed=i), S + i)
        message.format = words
        messages.append(('/front/compressed', S + i, message))
    frames = list(read_images(write_bag(tmp_path / 'b', storage, messages)))
    assert [f.frame.encoding for f in frames] == ['mono8', 'bayer_rggb8']
    np.testing.assert_array_equal(frames[1].frame.pixels(), noise(4, 6, seed=1))


def test_a_compressed_image_that_was_cut_off_is_refused(tmp_path, storage):
    message = compressed(noise(64, 64, 3), S, 'jpg')
    message.data = message.data[:-100]
    bag = write_bag(tmp_path / 'b', storage, [('/front/compressed', S, message)])
    assert 'is cut off: its end is missing' in refusal(bag)


def focal_px(frame) -> float | None:
    if frame.camera_info is None:
        return None
    return get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(frame.camera_info, INFO).k[0]


@pytest.mark.parametrize('topic', ['/cam/image_raw', '/cam/image/compressed'])
def test_the_camera_info_beside_an_image_comes_with_it(tmp_path, storage, topic):
    made = image if topic == '/cam/image_raw' else compressed
    fields = ('bgr8',) if made is image else ()
    messages = []
    for i in range(4):
        # The first one comes behind its image, and one gets lost.
        messages.append((topic, S + 10 * i, made(noise(4, 6, 3), *fields, 9 * S + i)))
        if i != 2:
            messages.append(('/cam/camera_info', S + 10 * i + 5, camera_info(4, 6, 50 + i, S)))
        messages.append(('/camera_info', S + 10 * i, camera_info(4, 6, 7, S)))
        messages.append(('/other/camera_info', S + 10 * i, camera_info(4, 6, 8, S)))
    bag = write_bag(tmp_path / 'b', storage, messages)
    assert [focal_px(f) for f in read_images(bag, topic)] == [50, 50, 51, 51]
    assert [focal_px(f) for f in read_images(bag, topic, 3e-9)] == [53]


def test_a_latched_camera_info_is_found_from_any_place_on(tmp_path, storage):
    messages = [('/camera_info', S, camera_info(4, 6, 50, S))]
    messages += [('/image', (i + 2) * S, image(noise(4, 6), 'mono8', i * S)) for i in range(1, 4)]
    bag = write_bag(tmp_path / 'b', storage, messages)
    assert [focal_px(f) for f in read_images(bag, start_s=1.0)] == [50, 50]


def test_a_damaged_camera_info_is_told(tmp_path, storage):
    messages = [
        ('/camera_info', S, camera_info(4, 6, 50, S)),
        ('/i', S, image(noise(4, 6), 'mono8', S)),
    ]
    bag = write_bag(tmp_path / 'b', storage, messages)
    (file,) = (f for f in bag.iterdir() if f.suffix in ('.mcap', '.db3'))
    # The length of its distortion model's name.
    file.write_bytes(
        file.read_bytes().replace(b'\x0a\0\0\0plumb_bob', b'\xff\xff\xff\xffplumb_bob')
    )
    assert 'damaged' in refusal(bag)


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


def test_what_a_node_made_of_images_is_not_offered(tmp_path, storage):
    topics = ('/front', '/rear', '/front/segmentation/mask')
    messages = [(topic, S, image(noise(2, 2), 'mono8', S)) for topic in topics]
    bag = write_bag(tmp_path / 'b', storage, messages)
    assert refusal(bag).endswith('choose a topic, one of /front, /rear')


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
    metadata = folder / 'metadata.yaml'
    metadata.touch()
    assert 'no rosbag2; give its folder' in refusal(metadata)


def test_a_bag_without_its_metadata_is_refused(drive):
    (drive / 'metadata.yaml').unlink()
    (file,) = drive.iterdir()
    assert refusal(drive).endswith(f'no metadata.yaml in it; give one of its files: {file.name}')


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
    assert "format 'png' is neither JPEG nor PNG" in refusal(bag)
