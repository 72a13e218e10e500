"""A stage for nodes: the node under test and a peer in one process, spun by the test itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_seg_ros.ros.messages import image_bytes, image_message
from unet_seg_ros.ros.segmentation_node import SegmentationNode
from unet_seg_ros.serving.opening import OpenEngine


class Stage:
    """The node under test and a peer that plays camera and reader, spun by the test itself."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.peer = rclpy.create_node('peer', context=self.context)
        self.executor.add_node(self.peer)
        self.nodes: list[SegmentationNode] = []
        self.received: dict[str, list[Any]] = {}

    def start_node(
        self, cli_arguments: list[str] | None = None, **parameters: Any
    ) -> SegmentationNode:
        """Create a node; unconfigured."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        arguments = ['--ros-args', *cli_arguments] if cli_arguments else None
        node = SegmentationNode(
            context=self.context, parameter_overrides=overrides, cli_args=arguments
        )
        self.executor.add_node(node)
        self.nodes.append(node)
        return node

    def start_active(
        self, cli_arguments: list[str] | None = None, **parameters: Any
    ) -> SegmentationNode:
        node = self.start_node(cli_arguments, **parameters)
        assert node.trigger_configure().name == 'SUCCESS'
        assert node.trigger_activate().name == 'SUCCESS'
        return node

    def listen(self, *topics: str, kind: type = Image) -> None:
        """Keep what comes on some topics in `received`."""
        for topic in topics:
            self.received[topic] = []
            self.peer.create_subscription(
                kind, topic, self.received[topic].append, qos_profile_sensor_data
            )

    def spin_until(self, condition: Callable[[], bool], what: str, deadline_s: float = 60) -> None:
        end = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < end, f'waited {deadline_s} s in vain for {what}'
            self.executor.spin_once(timeout_sec=0.02)

    def camera(self, topic: str, kind: type = Image) -> Any:
        """Return a publisher that somebody listens to, once all readers of ours are matched."""
        publisher = self.peer.create_publisher(kind, topic, qos_profile_sensor_data)
        self.spin_until(publisher.get_subscription_count, f'a subscriber to {topic}')
        self.spin_until(
            lambda: all(self.peer.count_publishers(t) for t in self.received),
            'publishers of all topics listened to',
        )
        for node in self.nodes:
            for channel in node._channels:
                self.spin_until(channel.is_watched, f'a reader of {channel.settings.name}')
        return publisher

    def close(self) -> None:
        for node in self.nodes:
            node.release()
            node.destroy_node()
        self.peer.destroy_node()
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)


def engine_of(node: SegmentationNode) -> OpenEngine:
    """Return the engine that serves a configured node."""
    return node._engine.supervisor.status().engine


def picture(height: int = 48, width: int = 96, seed: int = 0) -> np.ndarray:
    """Return a BGR picture of blocks whose blue tells the class of the known model."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (height // 12, width // 12, 3), np.uint8)
    return np.repeat(np.repeat(blocks, 12, axis=0), 12, axis=1)


def to_message(bgr: np.ndarray, stamp_ns: int = 1, encoding: str = 'bgr8') -> Image:
    header = Header(frame_id='front_optical')
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return image_message(bgr, encoding, header)


def pixels(message: Image) -> np.ndarray:
    """Return an unpadded message's pixels."""
    flat = image_bytes(message)
    assert message.step * message.height == len(flat)
    shape = (message.height, message.width)
    return flat.reshape(*shape, -1) if message.step > message.width else flat.reshape(shape)
