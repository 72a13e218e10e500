"""The player as a process of its own: what it publishes is what the recording holds."""

from __future__ import annotations

import itertools
import os
import pty
import sys
import termios
import time

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from support.recordings import camera_info, compressed, image, noise, write_bag, write_folder
from support.stage import Stage, pixels
from support.verbs import Verbs, refusal

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.ros import player as ros_player
from unet_seg_ros.ros.messages import image_bytes, stamp_ns
from unet_seg_ros.ros.player_options import PlayOptions

pytestmark = pytest.mark.ros

PICTURES = [noise(6, 8, 3, seed=i) for i in range(11)]
S = 10**9
# A first frame that was late shortens what follows: each is due by the clock, not by that one.
MOST_OF_800_MS = 500_000_000


def listen(stage: Stage, topic: str) -> list[Image]:
    """Keep the images that come on a topic; to be called last, for the player waits for these."""
    received: list[Image] = []
    stage.peer.create_subscription(Image, topic, received.append, QoSProfile(depth=1000))
    return received


def play(stage: Stage, verbs: Verbs, received: list[Image], *arguments: object) -> str:
    """Play to the end; return what was printed."""
    player = verbs.start('play', *arguments, '--wait-for', 1)
    stage.spin_until(lambda: player.poll() is not None, 'the end of the recording')
    output, errors = player.communicate(timeout=20)
    assert player.returncode == 0, errors
    num_sent = int(output.splitlines()[-1].removesuffix(' frames sent'))
    stage.spin_until(lambda: len(received) >= num_sent, 'the last of them')
    return output


def test_a_folder_is_played_in_natural_order(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES)
    received = listen(stage, 'front/image_raw')
    before_ns = time.time_ns()
    output = play(stage, verbs, received, folder, '--camera', 'front', '--rate', 100)
    assert output.endswith('11 frames sent\n')
    assert len(received) == len(PICTURES)
    for message, picture in zip(received, PICTURES, strict=True):
        assert (message.encoding, message.header.frame_id) == ('bgr8', 'front_optical_frame')
        np.testing.assert_array_equal(pixels(message), picture)
    moments = [before_ns, *(stamp_ns(m.header.stamp) for m in received), time.time_ns()]
    assert moments == sorted(moments)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_is_played_as_recorded(tmp_path, stage, verbs, storage):
    messages = [
        ('/cam', S, image(PICTURES[i], 'rgb8', 5 * S + i * 200_000_000, padding=3))
        for i in range(5)
    ]
    bag = write_bag(tmp_path / 'bag', storage, messages)
    log = tmp_path / 'sent.csv'
    received = listen(stage, 'camera/image_raw')
    play(stage, verbs, received, bag, '--log', log)
    assert [(m.encoding, m.step, m.header.frame_id) for m in received] == [
        ('rgb8', 27, 'front_optical')
    ] * 5
    for message, (_, _, original) in zip(received, messages, strict=True):
        np.testing.assert_array_equal(image_bytes(message), original.data)
    sent = [tuple(map(int, line.split(','))) for line in log.read_text().splitlines()]
    assert [stamp for stamp, _ in sent] == [stamp_ns(m.header.stamp) for m in received]
    # The rhythm is the bag's, four times 200 ms; a folder's would be four times 50.
    assert sent[-1][1] - sent[0][1] > MOST_OF_800_MS


def test_a_compressed_topic_is_played_decoded(tmp_path, stage, verbs):
    messages = [('/a', S, image(PICTURES[0], 'bgr8', S)), ('/b', S, compressed(PICTURES[1], S))]
    bag = write_bag(tmp_path / 'bag', 'mcap', messages)
    received = listen(stage, 'camera/image_raw')
    play(stage, verbs, received, bag, '--topic', '/b')
    np.testing.assert_array_equal(pixels(received[0]), PICTURES[1])


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_the_bags_camera_info_is_played_beside_the_image(tmp_path, stage, verbs, storage):
    messages = []
    for i in range(4):
        # The camera is calibrated anew in the midst.
        info = camera_info(6, 8, 50.0 + i // 2, 7 * S)
        messages.append(('/cam/camera_info', S + i, info))
        messages.append(('/cam/image', S + i, image(PICTURES[i], 'rgb8', 5 * S + i * 20_000_000)))
    bag = write_bag(tmp_path / 'bag', storage, messages)
    infos: list[CameraInfo] = []
    stage.peer.create_subscription(CameraInfo, 'ns/front/camera_info', infos.append, 50)
    received = listen(stage, 'ns/front/image_raw')
    play(stage, verbs, received, bag, '--camera', 'ns/front', '--start', 0.02, '--clock')
    stage.spin_until(lambda: len(infos) == 3, 'the camera information')
    assert [m.header for m in infos] == [m.header for m in received]
    assert {m.header.frame_id for m in infos} == {'front_optical'}
    assert [m.k[0] for m in infos] == [50, 51, 51]
    assert [(m.width, m.height, m.p[2], m.binning_y) for m in infos] == [(8, 6, 4, 2)] * 3


def test_without_camera_info_there_is_no_such_topic(tmp_path, stage, verbs):
    bag = write_bag(tmp_path / 'bag', 'mcap', [('/cam', S, image(PICTURES[0], 'bgr8', S))])
    received = listen(stage, 'camera/image_raw')
    verbs.start('play', bag, '--loop', '--wait-for', 1)
    stage.spin_until(lambda: len(received) >= 2, 'the images')
    assert stage.peer.count_publishers('camera/camera_info') == 0


def test_a_loop_begins_again(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES[:2])
    received = listen(stage, 'camera/image_raw')
    verbs.start('play', folder, '--loop', '--rate', 50, '--wait-for', 1)
    stage.spin_until(lambda: len(received) >= 7, 'the fourth pass')
    for message, picture in zip(received, itertools.cycle(PICTURES[:2]), strict=False):
        np.testing.assert_array_equal(pixels(message), picture)


def test_it_ends_after_the_seconds_asked_for(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES)
    received = listen(stage, 'camera/image_raw')
    play(stage, verbs, received, folder, '--rate', 100, '--start', 0, '--seconds', 0.045)
    assert len(received) == 5


def test_a_part_is_played(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES)
    received = listen(stage, 'camera/image_raw')
    play(stage, verbs, received, folder, '--rate', 50, '--start', 0.1, '--duration', 0.06)
    assert len(received) == 3
    np.testing.assert_array_equal(pixels(received[0]), PICTURES[5])


def test_the_speed_changes_the_pace(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES[:5])
    log = tmp_path / 'sent.csv'
    received = listen(stage, 'camera/image_raw')
    play(stage, verbs, received, folder, '--rate', 20, '--speed', 0.25, '--log', log)
    moments = [int(line.split(',')[1]) for line in log.read_text().splitlines()]
    # Four steps of 50 ms, each four times as long.
    assert moments[-1] - moments[0] > MOST_OF_800_MS


def test_a_looped_bag_with_a_clock_never_goes_back(tmp_path, stage, verbs):
    messages = [
        ('/cam', S + i, image(PICTURES[i], 'bgr8', 5 * S + i * 30_000_000)) for i in range(3)
    ]
    bag = write_bag(tmp_path / 'bag', 'mcap', messages)
    clocks: list[Clock] = []
    stage.peer.create_subscription(Clock, '/clock', clocks.append, QoSProfile(depth=1000))
    received = listen(stage, 'camera/image_raw')
    verbs.start('play', bag, '--loop', '--clock', '--wait-for', 1)
    stage.spin_until(lambda: len(received) >= 7, 'the third pass')
    stage.spin_until(lambda: len(clocks) >= 6, 'the clock')
    stamps = [stamp_ns(m.header.stamp) for m in received]
    assert stamps == [5 * S + i * 30_000_000 for i in range(len(stamps))]
    assert {stamp_ns(c.clock) for c in clocks[:5]} <= set(stamps)


def test_keys_steer_it(tmp_path, stage, verbs):
    frames = [np.full((2, 3, 3), i, np.uint8) for i in range(250)]
    folder = write_folder(tmp_path / 'images', frames)
    received = listen(stage, 'camera/image_raw')
    keys, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    player = verbs.start('play', folder, '--rate', 10, '--wait-for', 1, stdin=terminal)
    stage.spin_until(lambda: len(received) >= 2, 'the first frames')

    def numbers() -> list[int]:
        return [int(pixels(m)[0, 0, 0]) for m in received]

    os.write(keys, b' \033[C')  # A pause, and 5 s ahead: the frame there, and no other.
    stage.spin_until(lambda: numbers()[-1] >= 50, 'the frame 5 s ahead')
    paused_at = numbers()
    assert paused_at[-1] == paused_at[-2] + 50
    os.write(keys, b'\033OC')
    stage.spin_until(lambda: len(received) > len(paused_at), 'the next jump')
    assert numbers()[-1] == paused_at[-1] + 50
    os.write(keys, b'\033[D\033[D\033[Ax ')  # Back to where it was, faster, on again.
    stage.spin_until(lambda: len(received) >= len(paused_at) + 4, 'the frames there')
    assert numbers()[len(paused_at) + 1 :][:3] == [paused_at[-2] + i for i in range(3)]
    os.write(keys, b'q')
    output, errors = player.communicate(timeout=20)
    assert player.returncode == 0, errors
    first, *told, last = output.splitlines()[1:]
    assert first == 'space: pause, left/right: seek 5 s, up/down: speed, q: end'
    assert [line.split()[0] for line in told] == ['paused'] * 6 + ['playing'] * 2
    assert told[-1].endswith(', speed 1.4')
    assert last.endswith(' frames sent')
    stage.spin_until(lambda: len(received) == int(last.split()[0]), 'the last of them')
    assert termios.tcgetattr(terminal) == before
    for descriptor in (keys, terminal):
        os.close(descriptor)


def test_keys_are_obeyed_in_a_gap(tmp_path, stage, verbs):
    # The clock was set after the second image.
    stamps = [5 * S, 6 * S, 1_764_200_000 * S, 1_764_200_001 * S]
    messages = [('/c', S + i, image(PICTURES[i], 'bgr8', ns)) for i, ns in enumerate(stamps)]
    bag = write_bag(tmp_path / 'bag', 'mcap', messages)
    received = listen(stage, 'camera/image_raw')
    keys, terminal = pty.openpty()
    player = verbs.start('play', bag, '--speed', 20, '--wait-for', 1, stdin=terminal)
    stage.spin_until(lambda: len(received) == 2, 'the images before it')
    os.write(keys, b'\033[C')  # What lies 5 s ahead comes behind the gap.
    stage.spin_until(lambda: len(received) == 4, 'the images behind it')
    output, errors = player.communicate(timeout=20)
    assert player.returncode == 0, errors
    assert 'the next frame comes in 88210000 s\n' in output
    for descriptor in (keys, terminal):
        os.close(descriptor)


def test_it_plays_on_without_the_terminal(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES)
    received = listen(stage, 'camera/image_raw')
    keys, terminal = pty.openpty()
    player = verbs.start('play', folder, '--rate', 10, '--wait-for', 1, stdin=terminal)
    stage.spin_until(lambda: received, 'the first image')
    for descriptor in (keys, terminal):
        os.close(descriptor)
    stage.spin_until(lambda: player.poll() is not None, 'the end')
    output, errors = player.communicate(timeout=20)
    assert (player.returncode, errors) == (0, '')
    assert output.endswith('11 frames sent\n')


def test_an_absurd_speed_can_be_mended_or_ended(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES)
    received = listen(stage, 'camera/image_raw')
    keys, terminal = pty.openpty()
    player = verbs.start('play', folder, '--speed', 1e-300, '--wait-for', 1, stdin=terminal)
    stage.spin_until(lambda: received, 'the first image')
    os.write(keys, b'\033[A')
    stage.spin_until(lambda: len(received) >= 2, 'the second')
    os.write(keys, b'q')
    output, errors = player.communicate(timeout=20)
    assert player.returncode == 0, errors
    # The others would have come in steps of 0.8 s.
    assert 2 <= int(output.splitlines()[-1].removesuffix(' frames sent')) < len(PICTURES)
    for descriptor in (keys, terminal):
        os.close(descriptor)


def test_labels_are_played_beside_the_images(tmp_path, stage, verbs):
    tags_hw = np.random.default_rng(0).integers(0, 23, (6, 8), np.uint8)
    write_folder(tmp_path / 'rgb', PICTURES[:1])
    write_folder(tmp_path / 'label', [tags_hw])
    labels = listen(stage, 'camera/semantic_segmentation/image')
    images = listen(stage, 'camera/image_raw')
    play(stage, verbs, images, tmp_path, '--carla-tags', 23)
    stage.spin_until(lambda: labels, 'the labels')
    assert labels[0].header == images[0].header
    np.testing.assert_array_equal(Palette(CARLA_TAGS[23]).read(pixels(labels[0])), tags_hw)


def test_what_cannot_be_played_is_refused_in_one_line(tmp_path, verbs):
    empty, broken, bag = tmp_path / 'empty', tmp_path / 'broken', tmp_path / 'bag'
    empty.mkdir()
    write_folder(broken, PICTURES[:1])
    (broken / '1.png').write_bytes(b'no image')
    topics = [(t, S, image(PICTURES[0], 'bgr8', S)) for t in ('/front', '/rear')]
    write_bag(bag, 'mcap', topics)
    cases = {
        (tmp_path / 'nowhere',): 'not found',
        (empty,): 'no image in it',
        (broken,): 'not a readable image',
        (broken, '--topic', '/front'): 'has no topics; leave --topic out',
        (bag, '--topic', '/rear', '--start', 7): 'ends before 7 s; start earlier',
        (bag,): 'choose a topic, one of /front, /rear',
        (bag, '--topic', '/side'): 'no images on /side',
        (bag, '--topic', '/rear', '--carla-tags', 23): 'labels are read from folders',
        (bag, '--topic', '/rear', '--log', empty / 'no' / 'sent.csv'): 'cannot be written',
    }
    for arguments, reason in cases.items():
        assert reason in refusal(verbs.start('play', *arguments))


def test_a_missing_rosbags_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'unet_seg_ros.recordings.bag', None)
    with pytest.raises(ConfigurationError, match=r"pip install 'unet_seg_ros\[recordings\]'$"):
        ros_player.play(PlayOptions(tmp_path / 'bag'))


def test_an_image_that_breaks_off_in_the_midst_is_told(tmp_path, stage, verbs):
    folder = write_folder(tmp_path / 'images', PICTURES[:3])
    (folder / '3.png').write_bytes(b'')
    received = listen(stage, 'camera/image_raw')
    player = verbs.start('play', folder, '--wait-for', 1)
    stage.spin_until(lambda: len(received) == 2, 'the images before')
    assert '3.png: not a readable image' in refusal(player)
