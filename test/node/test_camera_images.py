"""A camera's images: compressed, of any size, in parts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support.stage import Stage, picture, pixels, to_message

pytestmark = pytest.mark.ros


CAMERAS = ['front', 'rear']


FRONT, REAR = 'front/segmentation/mask', 'rear/segmentation/mask'


INNER = np.s_[5::12, 5::12]


def compressed(image: np.ndarray, stamp_ns: int = 1, kind: str = '.png') -> CompressedImage:
    message = CompressedImage(format=f'bgr8; {kind[1:]} compressed bgr8')
    message.header.stamp.nanosec = stamp_ns
    message.data = cv2.imencode(kind, image)[1].tobytes()
    return message


def stamps(stage: Stage, topic: str) -> list[int]:
    return [m.header.stamp.nanosec for m in stage.received[topic]]


def test_compressed_images_are_read_and_a_cut_off_file_is_a_dropped_frame(
    stage: Stage, known_model
):
    node = stage.start_active(
        **{'model': str(known_model), 'cameras': ['front'], 'front.transport': 'compressed'}
    )
    stage.listen(FRONT)
    camera = stage.camera('front/image_raw/compressed', kind=CompressedImage)
    image = picture(96, 192)
    cut = compressed(image, stamp_ns=1)
    cut.data = cut.data[: len(cut.data) // 2]
    camera.publish(cut)
    statistics = node._channels[0].statistics
    stage.spin_until(lambda: statistics.refused == 1, 'the refusal')
    camera.publish(compressed(image, stamp_ns=2))
    stage.spin_until(lambda: bool(stage.received[FRONT]), 'a mask')
    assert stamps(stage, FRONT) == [2]
    mask = pixels(stage.received[FRONT][0])
    np.testing.assert_array_equal(mask[INNER], (image[..., 0] // 64)[INNER])


def test_the_topic_of_compressed_images_is_the_one_it_was_remapped_to(stage: Stage, known_model):
    node = stage.start_active(
        ['-r', 'front/image_raw/compressed:=/driver/jpeg'],
        **{'model': str(known_model), 'cameras': ['front'], 'front.transport': 'compressed'},
    )
    assert node._channels[0].image_topic == '/driver/jpeg'
    assert '/driver/jpeg' in {s.topic_name for s in node.subscriptions}


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
def test_a_frame_of_a_size_that_cannot_be_is_refused_and_the_node_lives_on(
    stage: Stage, known_model, fit
):
    node = stage.start_active(
        **{'model': str(known_model), 'cameras': CAMERAS, 'front.fit': fit, 'rear.fit': fit}
    )
    stage.listen(FRONT)
    stage.listen('rear/segmentation/camera_info', kind=CameraInfo)
    front, rear = (stage.peer.create_publisher(Image, f'{n}/image_raw', 10) for n in CAMERAS)
    for publisher in (front, rear):
        stage.spin_until(publisher.get_subscription_count, 'the subscription')
    stage.spin_until(node._channels[0].is_watched, 'a reader of masks')
    stage.spin_until(node._channels[1].outputs.has_info_reader, 'a reader of camera_info')
    node._channels[1]._info = CameraInfo()
    for number, size in enumerate([(0, 0), (48, 0), (0, 96), (1, 2**32 - 1)], start=1):
        message = to_message(picture())
        message.height, message.width = size
        for camera, channel in ((front, node._channels[0]), (rear, node._channels[1])):
            camera.publish(message)
            counts = channel.statistics.counts
            stage.spin_until(
                lambda c=counts, n=number: sum(c().values()) == 2 * n, 'the frame to be done'
            )
    front.publish(to_message(picture(), stamp_ns=9))
    stage.spin_until(lambda: bool(stage.received[FRONT]), 'a mask')
    assert stamps(stage, FRONT) == [9]
    assert node._channels[0].statistics.refused == 4


def test_the_size_of_the_images_may_change_while_it_runs(stage: Stage, known_model):
    stage.start_active(model=str(known_model), cameras=['front'])
    stage.listen(FRONT)
    camera = stage.camera('front/image_raw')
    sizes = [(48, 96), (96, 192), (36, 60), (48, 96)]
    for number, size in enumerate(sizes, start=1):
        camera.publish(to_message(picture(*size), stamp_ns=number))
        stage.spin_until(lambda n=number: len(stage.received[FRONT]) == n, 'the mask')
    assert [pixels(m).shape for m in stage.received[FRONT]] == sizes


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
def test_region_and_ego_are_unknown_and_never_drivable(stage: Stage, known_model, tmp_path, fit):
    ego = np.zeros((48, 96), np.uint8)
    ego[40:] = 1
    cv2.imwrite(str(tmp_path / 'ego.png'), ego)
    stage.start_active(
        **{
            'model': str(known_model),
            'cameras': ['front'],
            'front.region': [12, 12, 72, 36],
            'front.ego_mask': str(tmp_path / 'ego.png'),
            'front.fit': fit,
        }
    )
    stage.listen(
        FRONT, *(f'front/segmentation/{n}' for n in ('drivable_mask', 'drivable_probability'))
    )
    camera = stage.camera('front/image_raw')
    camera.publish(to_message(np.full((48, 96, 3), (130, 200, 200), np.uint8)))
    stage.spin_until(lambda: all(stage.received.values()), 'the results')
    mask, drivable, probability = (pixels(m[0]) for m in stage.received.values())
    expected = np.full((48, 96), 255)
    expected[12:40, 12:84] = 2
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(drivable, np.where(expected == 2, 255, 0))
    np.testing.assert_array_equal(probability, np.where(expected == 2, 200, 0))
