"""What the classes of a mask mean, latched for readers that come later."""

from __future__ import annotations

import json
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.ros.messages import optional_messages


def latched_qos() -> QoSProfile:
    """Return what hands the last message to every reader that comes later."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def class_table(contract: ModelContract) -> String:
    """Return the class table as JSON: model, classes, drivable classes and groups."""
    classes = [{'id': c.id, 'name': c.name, 'color': c.color} for c in contract.table.classes]
    table = {
        'model': contract.name,
        'classes': classes,
        'drivable': contract.drivable,
        'groups': contract.groups,
    }
    return String(data=json.dumps(table))


def label_info(messages: Any, contract: ModelContract, stamp: Time) -> Any:
    """
    Return the classes as ``vision_msgs/LabelInfo``, made of the types of that package.

    The value for unknown pixels is no class, so it is not among them.
    """
    info = messages.LabelInfo()
    info.header.stamp = stamp
    info.class_map = [
        messages.VisionClass(class_id=c.id, class_name=c.name) for c in contract.table.classes
    ]
    info.threshold = 0.0
    return info


class ClassTablePublisher:
    """
    Latches ``~/class_table``, and ``<camera>/segmentation/label_info`` where vision_msgs is.

    Parameters
    ----------
    node : Node
        The node that owns the publishers.
    cameras : list of str
        The cameras' names.

    """

    def __init__(self, node: Node, cameras: list[str]) -> None:
        """Create the publishers."""
        self._node = node
        self._messages = optional_messages('vision_msgs')
        self._table = node.create_publisher(String, '~/class_table', latched_qos())
        self._labels: list[Publisher] = []
        if self._messages is not None:
            self._labels = [
                node.create_publisher(
                    self._messages.LabelInfo, f'{name}/segmentation/label_info', latched_qos()
                )
                for name in cameras
            ]

    def publish(self, contract: ModelContract) -> None:
        """Publish the classes of the model that serves."""
        self._table.publish(class_table(contract))
        stamp = self._node.get_clock().now().to_msg()
        for publisher in self._labels:
            publisher.publish(label_info(self._messages, contract, stamp))

    def destroy(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._table, *self._labels):
            self._node.destroy_publisher(publisher)
