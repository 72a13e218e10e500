"""Definitions made of message classes, compared with rosbags' by ROS's own hash of types."""

from __future__ import annotations

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from unet_seg_ros.ros.recorder_definitions import definition, message_class

JAZZY = get_typestore(Stores.ROS2_JAZZY)


@pytest.mark.parametrize(
    'kind',
    [
        'diagnostic_msgs/msg/DiagnosticArray',  # bytes, lists of messages with lists
        'rcl_interfaces/msg/ParameterDescriptor',  # bounded lists
        'rosgraph_msgs/msg/Clock',
        'sensor_msgs/msg/CameraInfo',  # float64, both kinds of arrays, bool
        'sensor_msgs/msg/CompressedImage',
        'sensor_msgs/msg/Image',
        'sensor_msgs/msg/PointCloud2',
        'sensor_msgs/msg/BatteryState',  # float32
        'std_msgs/msg/String',
        'std_msgs/msg/Empty',
    ],
)
def test_a_type_keeps_its_hash(kind):
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition(kind), kind))
    assert store.hash_rihs01(kind) == JAZZY.hash_rihs01(kind)


@pytest.mark.parametrize('kind', ['no_such_msgs/msg/Thing', 'std_msgs/msg/Thing', 'Thing'])
def test_a_type_that_is_not_installed_is_an_import_error(kind):
    with pytest.raises(ImportError):
        message_class(kind)
