"""The drive publisher as a process of its own, compared with the scenes themselves."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from support.stage import Stage, pixels
from support.verbs import Verbs, refusal

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.ros.messages import stamp_ns
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, Drive, PinholeCamera

pytestmark = pytest.mark.ros

NUM_FRAMES = 4
LAYOUTS = HELD_OUT_LAYOUTS[:2]
TOPICS = {
    '/clock': Clock,
    '/carla/hero/rgb_left/camera_info': CameraInfo,
    '/carla/hero/semantic_segmentation_left/image': Image,
    '/carla/hero/rgb_left/image': Image,
}


@pytest.fixture
def received(stage: Stage, verbs: Verbs) -> list[list]:
    """Return what comes on each of the topics during a drive of some frames."""
    received: list[list] = [[] for _ in TOPICS]
    for (topic, kind), messages in zip(TOPICS.items(), received, strict=True):
        stage.peer.create_subscription(kind, topic, messages.append, QoSProfile(depth=50))
    drive = verbs.start(
        *('drive', '--layouts', *LAYOUTS, '--seed', 3, '--leg', 2),
        *('--role', 'hero', '--camera', 'rgb_left'),
        *('--size', '160x90', '--frames', NUM_FRAMES, '--wait-for', 1),
    )
    stage.spin_until(
        lambda: all(len(messages) == NUM_FRAMES for messages in received), 'all frames'
    )
    _, errors = drive.communicate(timeout=20)
    assert drive.returncode == 0, errors
    return received


def test_it_publishes_what_the_carla_bridge_does(received):
    clocks, infos, semantics, images = received
    steps = [(i + 1) * 50_000_000 for i in range(NUM_FRAMES)]
    assert [stamp_ns(clock.clock) for clock in clocks] == steps
    for messages in (infos, semantics, images):
        assert [stamp_ns(m.header.stamp) for m in messages] == steps
    assert {m.header.frame_id for m in (*infos, *images)} == {'hero/rgb_left'}
    assert {m.header.frame_id for m in semantics} == {'hero/semantic_segmentation_left'}
    assert {m.encoding for m in (*images, *semantics)} == {'bgra8'}

    camera = PinholeCamera(ImageSize(90, 160))
    for info in infos:
        np.testing.assert_array_equal(info.k.reshape(3, 3), camera.matrix)
        assert (info.height, info.width) == (90, 160)

    palette = Palette(CARLA_TAGS[29])
    drives = [Drive(layout, 3, camera) for layout in LAYOUTS]
    for i in range(NUM_FRAMES):
        frame = drives[i // 2].frame(i % 2)
        np.testing.assert_array_equal(pixels(images[i])[..., :3], frame.image)
        np.testing.assert_array_equal(palette.read(pixels(semantics[i])), frame.tags)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_drive_without_end_ends_on_a_signal(stage, verbs, number):
    images: list[Image] = []
    stage.peer.create_subscription(Image, '/carla/ego_vehicle/rgb_front/image', images.append, 10)
    drive = verbs.start('drive', '--size', '160x90', '--rate', 50)
    stage.spin_until(lambda: len(images) > 2, 'the drive')
    drive.send_signal(number)
    _, errors = drive.communicate(timeout=20)
    assert (drive.returncode, errors) == (130, 'unet-seg drive: interrupted\n')


def test_an_unknown_layout_is_refused(verbs):
    line = refusal(verbs.start('drive', '--layouts', LAYOUTS[0], 'atlantis'))
    assert line.startswith("unet-seg drive: layout 'atlantis': choose one of ")
