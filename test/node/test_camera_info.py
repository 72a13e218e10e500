"""What the node makes of CameraInfo."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from support.stage import Stage, picture, to_message

pytestmark = pytest.mark.ros


OUT = 'camera/segmentation'


def test_camera_info_is_republished_under_the_masks_header(stage: Stage, known_model):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    camera = stage.camera('camera/image_raw')
    info_publisher = stage.camera('camera/camera_info', kind=CameraInfo)
    info = CameraInfo(height=48, width=96, distortion_model='plumb_bob', d=[0.0] * 5)
    info.k = np.array([50, 0, 48, 0, 50, 24, 0, 0, 1], float)
    node = stage.nodes[0]
    stage.spin_until(lambda: node._channels[0].outputs.has_info_reader(), 'the info reader')
    info_publisher.publish(info)
    stage.spin_until(lambda: node._channels[0]._info is not None, 'the info to arrive')
    sent = to_message(picture(), stamp_ns=5)
    camera.publish(sent)
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/camera_info']), 'the info')
    received = stage.received[f'{OUT}/camera_info'][0]
    assert received.header == sent.header
    np.testing.assert_array_equal(received.k, info.k)


def test_camera_info_alone_is_republished_without_inference(stage: Stage, known_model):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    channel = node._channels[0]
    publisher = stage.peer.create_publisher(type(to_message(picture())), 'camera/image_raw', 10)
    stage.spin_until(publisher.get_subscription_count, 'the subscription')
    stage.spin_until(lambda: channel.outputs.has_info_reader(), 'the info reader')
    channel._info = CameraInfo(height=48, width=96)
    publisher.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/camera_info']), 'the info')
    assert stage.received[f'{OUT}/camera_info'][0].header.stamp.nanosec == 9
    stage.spin_until(lambda: channel.statistics.unwatched == 1, 'the frame to be done')
    assert channel.statistics.segmented == 0


def test_camera_info_that_is_forgotten_while_its_frame_is_published(
    stage: Stage, known_model, monkeypatch
):
    node = stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    camera = stage.camera('camera/image_raw')
    channel = node._channels[0]
    stage.spin_until(channel.outputs.has_info_reader, 'the info reader')
    channel._info = CameraInfo(height=48, width=96)

    def forget() -> bool:
        channel._info = None  # as deactivation does in the executor's thread
        return True

    monkeypatch.setattr(channel.outputs, 'has_info_reader', forget)
    camera.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: channel.statistics.segmented == 1, 'the frame to be done')
    assert not node.crashed.done()


def test_camera_info_of_another_size_is_not_republished(stage: Stage, known_model):
    stage.start_active(model=str(known_model))
    stage.listen(f'{OUT}/mask')
    stage.listen(f'{OUT}/camera_info', kind=CameraInfo)
    camera = stage.camera('camera/image_raw')
    node = stage.nodes[0]
    stage.spin_until(lambda: node._channels[0].outputs.has_info_reader(), 'the info reader')
    statistics = node._channels[0].statistics
    for number, size in ((1, (600, 800)), (2, (48, 96))):
        node._channels[0]._info = CameraInfo(height=size[0], width=size[1])
        camera.publish(to_message(picture(), stamp_ns=number))
        stage.spin_until(lambda n=number: statistics.segmented == n, 'the frame to be done')
    stage.spin_until(lambda: bool(stage.received[f'{OUT}/camera_info']), 'the fitting info')
    assert [m.header.stamp.nanosec for m in stage.received[f'{OUT}/camera_info']] == [2]


@pytest.mark.parametrize(
    ('rules', 'info_topic'),
    [
        ([], '/camera/camera_info'),
        (['camera/image_raw:=/carla/ego/rgb/image'], '/carla/ego/rgb/camera_info'),
        (['camera/image_raw:=/a/image', 'camera/camera_info:=/b/info'], '/b/info'),
    ],
)
def test_camera_info_is_looked_for_beside_the_image(stage: Stage, known_model, rules, info_topic):
    arguments = [a for rule in rules for a in ('-r', rule)]
    node = stage.start_active(cli_arguments=arguments, model=str(known_model))
    topics = {s.topic_name for s in node.subscriptions}
    assert info_topic in topics
