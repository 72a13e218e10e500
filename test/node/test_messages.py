"""Messages made of arrays and read as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from support.recordings import noise

from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.ros.conversion import to_frame
from unet_seg_ros.ros.messages import (
    camera_info_message,
    frame_message,
    image_bytes,
    image_message,
    stamp_ns,
    to_stamp,
)

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(
    ('shape', 'encoding', 'step'), [((5, 7), 'mono8', 7), ((5, 7, 3), 'rgb8', 21)]
)
def test_image_message_carries_the_array(shape, encoding, step):
    pixels = noise(*shape)
    header = Header(frame_id='front', stamp=to_stamp(5))
    message = image_message(pixels, encoding, header)
    assert message.header is header
    assert (message.height, message.width) == (5, 7)
    assert (message.encoding, message.step, message.is_bigendian) == (encoding, step, 0)
    assert bytes(message.data) == pixels.tobytes()


def test_image_message_takes_a_view_that_is_not_contiguous():
    pixels = noise(6, 8, 4)
    message = image_message(pixels[::2, 1:6, :3], 'bgr8', Header())
    assert bytes(message.data) == pixels[::2, 1:6, :3].tobytes()


def test_the_order_of_bytes_is_kept():
    frame = RawFrame(noise(4, 6).reshape(-1), 'mono16', ImageSize(4, 3), 6, is_bigendian=True)
    again = to_frame(frame_message(frame, Header()))
    assert again.is_bigendian
    np.testing.assert_array_equal(again.pixels(), frame.pixels())


def test_image_message_goes_over_the_wire():
    message = image_message(noise(4, 3, 4), 'bgra8', Header(frame_id='front'))
    assert deserialize_message(serialize_message(message), Image) == message


def test_image_message_does_not_share_memory_with_the_array():
    pixels = noise(2, 2)
    message = image_message(pixels, 'mono8', Header())
    before = bytes(message.data)
    pixels += 1
    assert bytes(message.data) == before


def test_frame_message_keeps_the_padding():
    frame = RawFrame(noise(60), 'rgb8', ImageSize(4, 3), 15)
    message = frame_message(frame, Header())
    assert (message.step, message.encoding) == (15, 'rgb8')
    assert bytes(message.data) == frame.data.tobytes()


def test_image_bytes_are_the_messages_own_memory():
    message = image_message(noise(3, 3), 'mono8', Header())
    data = image_bytes(message)
    data[0] ^= 255
    assert message.data[0] == data[0]


@pytest.mark.parametrize('ns', [0, 1, 999_999_999, 10**9, 1_700_000_000_123_456_789])
def test_stamps_come_back(ns):
    assert stamp_ns(to_stamp(ns)) == ns


def test_camera_info_is_that_of_a_pinhole():
    intrinsics = np.array([[640.0, 0, 320], [0, 640, 180], [0, 0, 1]])
    message = camera_info_message(intrinsics, ImageSize(360, 640), Header(frame_id='front'))
    assert (message.height, message.width) == (360, 640)
    assert list(message.k) == [640, 0, 320, 0, 640, 180, 0, 0, 1]
    assert list(message.p) == [640, 0, 320, 0, 0, 640, 180, 0, 0, 0, 1, 0]
    assert list(message.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert (message.distortion_model, list(message.d)) == ('plumb_bob', [0.0] * 5)
