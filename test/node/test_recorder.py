"""The recorder as a process of its own, beside the real node; its file is read by others."""

from __future__ import annotations

import resource
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String
from support.stage import Stage, pixels, to_message
from support.verbs import Verbs, refusal

from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.ros.messages import camera_info_message, stamp_ns

pytestmark = pytest.mark.ros

S = 10**9


def is_recorded(stage: Stage, *topics: str) -> bool:
    """Return whether the recorder has subscribed, which has no publisher on any of them."""
    found = [stage.peer.get_subscriptions_info_by_topic(f'/{topic}') for topic in topics]
    return all(any(end.node_name == 'recorder' for end in ends) for ends in found)


def frame(number: int) -> Any:
    """Return a picture whose blue tells its number, and so its class of the known model."""
    return to_message(np.full((48, 96, 3), number * 10, np.uint8), number * S)


def by_rosbags(path: Path) -> dict[str, list]:
    found = defaultdict(list)
    with AnyReader([path]) as reader:
        for connection, _, data in reader.messages():
            found[connection.topic].append(reader.deserialize(data, connection.msgtype))
    return found


def by_mcap(path: Path) -> dict[str, list]:
    found = defaultdict(list)
    with path.open('rb') as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _, channel, _, message in reader.iter_decoded_messages():
            found[channel.topic].append(message)
    return found


def ended(recorder) -> str:
    """Return what a recorder printed that a signal has ended as it should."""
    output, errors = recorder.communicate(timeout=20)
    assert recorder.returncode == 0, errors
    return output


@pytest.fixture
def recording(tmp_path, stage: Stage, verbs: Verbs, known_model) -> tuple[Path, str]:
    """Return a recording of the real node's camera with a mask for each image, and the output."""
    path = tmp_path / 'run.mcap'
    stage.start_active(cameras=['front'], model=str(known_model), diagnostics_period_s=0.1)
    stage.listen('front/segmentation/mask')
    stage.listen('/diagnostics', kind=DiagnosticArray)
    recorder = verbs.start('record', '--cameras', 'front', '--output', path)
    images = stage.camera('front/image_raw')
    infos = stage.camera('front/camera_info', CameraInfo)
    streams = [f'front/{t}' for t in ('image_raw', 'camera_info', 'segmentation/mask')]
    stage.spin_until(
        lambda: is_recorded(stage, *streams, 'front/segmentation/drivable_mask', 'diagnostics'),
        'the recorder',
    )
    for number in range(1, 11):
        message = frame(number)
        infos.publish(camera_info_message(np.eye(3), ImageSize(48, 96), message.header))
        images.publish(message)
        masks = stage.received['front/segmentation/mask']
        stage.spin_until(lambda: len(masks) == number, f'mask {number}')  # noqa: B023
    seen = stage.received['/diagnostics']
    num_seen = len(seen)
    stage.spin_until(lambda: len(seen) >= num_seen + 2, 'diagnostics')
    recorder.send_signal(signal.SIGINT)
    return path, ended(recorder)


@pytest.mark.parametrize('read', [by_rosbags, by_mcap])
def test_masks_lie_beside_their_images(recording, read):
    path, output = recording
    found = read(path)
    images, masks = found['/front/image_raw'], found['/front/segmentation/mask']
    for messages in (images, masks, found['/front/segmentation/drivable_mask']):
        assert [m.header.stamp.sec for m in messages] == list(range(1, 11))
    for message in images:
        assert np.unique(np.frombuffer(message.data, np.uint8)) == message.header.stamp.sec * 10
    for message in masks:
        expected = message.header.stamp.sec * 10 // 64
        assert np.unique(np.frombuffer(message.data, np.uint8)) == expected
        assert message.header.frame_id == 'front_optical'
    assert len(found['/front/camera_info']) == 10
    assert found['/front/camera_info'][0].width == 96
    assert found['/diagnostics'][0].status
    assert f'{len(masks):8}  /front/segmentation/mask\n' in output
    assert 'dropped' not in output


def test_our_own_verbs_read_it(recording, stage, verbs):
    path, _ = recording
    inspected = verbs.start(
        *('inspect', path, '--images', '/front/image_raw', '--form', 'ids', '--tags', '29'),
        *('--labels', '/front/segmentation/mask'),
    )
    output, errors = inspected.communicate(timeout=60)
    assert inspected.returncode == 0, errors
    assert 'images without labels: 0' in output
    # Without --topic the camera's images are taken, not what the node made of them.
    played: list = []
    stage.peer.create_subscription(type(frame(1)), 'again/image_raw', played.append, 50)
    player = verbs.start(
        *('play', path, '--camera', 'again', '--rate', 50, '--clock', '--wait-for', 1)
    )
    stage.spin_until(lambda: len(played) >= 10, 'the recording')
    player.communicate(timeout=20)
    for number, message in enumerate(played, 1):
        np.testing.assert_array_equal(pixels(message), pixels(frame(number)))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_compressed_images_and_latched_topics(tmp_path, stage, verbs, number):
    path = tmp_path / 'run.mcap'
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    classes = stage.peer.create_publisher(String, 'classes', latched)
    classes.publish(String(data='road'))
    images = stage.peer.create_publisher(CompressedImage, '/cam/rear/image/compressed', 10)
    recorder = verbs.start(
        *('record', '--cameras', 'rear=/cam/rear/image', '--images', 'compressed'),
        *('--topics', 'classes', '--compression', 'zstd', '--output', path),
    )
    stage.spin_until(lambda: is_recorded(stage, 'cam/rear/image/compressed', 'classes'), 'it')
    data = b'as it came, whatever it is'
    images.publish(CompressedImage(format='jpeg', data=data))
    for publisher in (images, classes):
        assert publisher.wait_for_all_acked()
    recorder.send_signal(number)
    output = ended(recorder)
    assert '       0  /rear/segmentation/mask\n' in output
    found = by_rosbags(path)
    assert [m.data for m in found['/classes']] == ['road']
    assert [m.data.tobytes() for m in found['/cam/rear/image/compressed']] == [data]
    assert [m.data for m in by_mcap(path)['/cam/rear/image/compressed']] == [data]


def test_it_ends_after_the_seconds_asked_for(tmp_path, stage, verbs):
    path = tmp_path / 'run.mcap'
    recorder = verbs.start(
        *('record', '--topics', 'chatter', '--seconds', 2, '--output', path),
    )
    chatter = stage.peer.create_publisher(String, 'chatter', 10)

    def has_ended() -> bool:
        chatter.publish(String(data='hello'))
        return recorder.poll() is not None

    stage.spin_until(has_ended, 'its end')
    ended(recorder)
    with path.open('rb') as file:
        statistics = make_reader(file).get_summary().statistics
    # A busy machine may keep the publisher from the last moments, and the recorder beyond the end.
    assert 1 * S < statistics.message_end_time - statistics.message_start_time < 10 * S


def test_a_full_disk_ends_it_in_one_line(tmp_path, stage, verbs):
    path = tmp_path / 'run.mcap'
    recorder = verbs.start(
        *('record', '--topics', 'chatter', '--output', path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000,) * 2),
    )
    chatter = stage.peer.create_publisher(String, 'chatter', 10)

    def has_ended() -> bool:
        chatter.publish(String(data='x' * 200_000))
        return recorder.poll() is not None

    stage.spin_until(has_ended, 'its end')
    _, errors = recorder.communicate(timeout=20)
    assert recorder.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith(f'unet-seg record: {path}: File too large; what came before lies in')
    assert 'Traceback' not in errors
    assert len(by_rosbags(path)['/chatter']) >= 5


@pytest.fixture
def heeds_hangup() -> Iterator[None]:
    """Let children be ended by SIGHUP, also where the tests themselves were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGHUP])
def test_a_recording_that_was_killed_can_be_read(tmp_path, stage, verbs, number, heeds_hangup):
    path = tmp_path / 'run.mcap'
    recorder = verbs.start('record', '--cameras', 'front', '--output', path)
    images = stage.peer.create_publisher(Image, 'front/image_raw', 10)
    large = to_message(np.zeros((600, 800, 3), np.uint8))

    def has_written() -> bool:
        images.publish(large)
        return path.exists() and path.stat().st_size > 6_000_000

    stage.spin_until(has_written, 'some images')
    recorder.send_signal(number)
    assert recorder.wait(20) == -number
    assert len(by_rosbags(path)['/front/image_raw']) >= 3
    assert len(by_mcap(path)['/front/image_raw']) >= 3
    played: list[Image] = []
    stage.peer.create_subscription(Image, 'again/image_raw', played.append, 50)
    player = verbs.start('play', path, '--camera', 'again', '--rate', 50, '--wait-for', 1)
    stage.spin_until(lambda: len(played) >= 3, 'the images')
    assert player.wait(60) == 0


def test_what_cannot_be_recorded_is_refused_in_one_line(tmp_path, verbs):
    there = tmp_path / 'there.mcap'
    there.touch()
    cases = {
        there: 'is there already',
        tmp_path / 'run.bag': 'name a file that ends with .mcap',
        tmp_path / 'nowhere' / 'run.mcap': 'cannot be written: No such file',
    }
    for path, reason in cases.items():
        assert reason in refusal(verbs.start('record', '--cameras', 'front', '--output', path))


@pytest.mark.parametrize(
    'names', [['--topics', '/a b'], ['--cameras', 'front=/1'], ['--cameras', '=x']]
)
def test_a_name_that_no_topic_can_have_is_refused(tmp_path, verbs, names):
    recorder = verbs.start('record', *names, '--output', tmp_path / 'run.mcap')
    _, errors = recorder.communicate(timeout=60)
    assert recorder.returncode == 2
    assert 'is no topic name; use letters, digits and _' in errors.splitlines()[-1]


def test_nothing_that_came_leaves_no_file(tmp_path, stage, verbs):
    path = tmp_path / 'run.mcap'
    recorder = verbs.start('record', '--topics', 'chatter', '--output', path)
    stage.spin_until(path.exists, 'the recorder')
    recorder.send_signal(signal.SIGINT)
    _, errors = recorder.communicate(timeout=20)
    assert recorder.returncode == 1
    assert 'nothing came on /diagnostics, /chatter, no file was written' in errors.splitlines()[-1]
    assert not path.exists()


def test_stamps_of_receipt_are_the_systems(recording):
    path, _ = recording
    with path.open('rb') as file:
        messages = [m for _, channel, m in make_reader(file).iter_messages('/front/image_raw')]
    with AnyReader([path]) as reader:
        newest = reader.end_time
    for message in messages:
        assert (
            path.stat().st_mtime_ns - 60 * S < message.publish_time <= message.log_time <= newest
        )
    assert stamp_ns(frame(1).header.stamp) == S  # The stamp is another thing, and is kept.
