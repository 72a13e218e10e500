"""Cameras heard as a node with given parameters would hear them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.errors import ConfigurationError, FrameError, UserError, one_line
from unet_seg_ros.core.finding import Finding
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.ros.camera import input_qos
from unet_seg_ros.ros.camera_info import calibration_of
from unet_seg_ros.ros.conversion import to_frame
from unet_seg_ros.ros.graph_check import (
    COMPRESSED,
    IMAGE,
    check_publishers,
    check_readers,
)
from unet_seg_ros.ros.messages import NS_PER_S, stamp_ns
from unet_seg_ros.ros.outputs import output_qos
from unet_seg_ros.ros.parameters import CameraSettings, declare_parameters, read_settings

_OUTPUT_TYPES = {IMAGE, 'sensor_msgs/msg/CameraInfo'}


@dataclass
class Heard:
    """
    What came from one camera.

    Attributes
    ----------
    arrivals_s : list of float
        When images came, on the steady clock [s].
    age_s : float or None
        The node's time less the last image's stamp at its arrival [s]; None without an image or a
        clock.
    form : str
        Size and encoding of the last image; empty without one.
    size : ImageSize or None
        Its size [px]; None without one, or if it is compressed and cannot be read.
    num_bytes : int
        What its pixels take in its message [B].
    problem : str
        With what words the node drops it; empty if it does not.
    frame_id : str
        The last image's frame.
    calibration : Calibration or None
        The last CameraInfo.
    info_frame_id : str
        Its frame.

    """

    arrivals_s: list[float] = field(default_factory=list)
    age_s: float | None = None
    form: str = ''
    size: ImageSize | None = None
    num_bytes: int = 0
    problem: str = ''
    frame_id: str = ''
    calibration: Calibration | None = None
    info_frame_id: str = ''

    def read(self, image: Image | CompressedImage) -> None:
        """Read the last image as the node would."""
        self.num_bytes = len(image.data)
        self.frame_id = image.header.frame_id
        if isinstance(image, CompressedImage):
            self.form = f'compressed ({image.format})'
        else:
            self.size = ImageSize(image.height, image.width)
            self.form = f'{self.size} px {image.encoding}'
        try:
            frame = to_frame(image)
            frame.bgr()
            self.size = frame.size
        except FrameError as e:
            self.problem = str(e)


class Ear:
    """
    Subscribes to one camera, with the names and the quality of service that a node would have.

    Parameters
    ----------
    node : Node
        The node that listens; it has the other's namespace and parameters.
    settings : CameraSettings
        The camera.
    now_s : callable
        Returns the other node's time [s]; 0 while it has none.

    Attributes
    ----------
    name, topic : str
        The camera's name and the full name of its image topic.
    heard : Heard
        What came; the last image is in it after `read`.

    """

    def __init__(self, node: Node, settings: CameraSettings, now_s: Callable[[], float]) -> None:
        """Subscribe."""
        self.name = settings.name
        self.heard = Heard()
        self._node = node
        self._now_s = now_s
        self._last: tuple[bytes, float] | None = None
        is_compressed = settings.is_compressed
        topic = f'{settings.image_topic}/compressed' if is_compressed else settings.image_topic
        self.topic = node.resolve_topic_name(topic)
        self._kind = CompressedImage if is_compressed else Image
        # Overrides are written into the profile that is given.
        self._qos = input_qos()
        overrides = QoSOverridingOptions.with_default_policies()
        # Raw: megabytes are not made a message for each image only to be counted.
        node.create_subscription(
            self._kind,
            topic,
            self._receive,
            self._qos,
            raw=True,
            qos_overriding_options=overrides,
        )
        node.create_subscription(
            CameraInfo,
            settings.camera_info_topic,
            self._calibrate,
            input_qos(),
            qos_overriding_options=overrides,
        )

    def read(self) -> None:
        """Read the last image."""
        if self._last is None:
            return
        data, now_s = self._last
        image = deserialize_message(data, self._kind)
        self.heard.read(image)
        if now_s:
            self.heard.age_s = now_s - stamp_ns(image.header.stamp) / NS_PER_S

    def check_publishers(self) -> list[Finding]:
        """Tell whether the images can come."""
        kind = IMAGE if self._kind is Image else COMPRESSED
        subject = f'camera {self.name}'
        return check_publishers(self._node, self.topic, kind, self._qos, subject)

    def publisher_gids(self) -> list[bytes]:
        """Return what tells the publishers of the images apart, 16 bytes or more each."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        return [bytes(publisher.endpoint_gid) for publisher in publishers]

    def check_readers(self) -> list[Finding]:
        """Tell which readers of what the images become cannot receive it."""
        findings = []
        for topic in self._outputs():
            publishers = self._node.get_publishers_info_by_topic(topic)
            qos = publishers[0].qos_profile if publishers else output_qos()
            findings += check_readers(self._node, topic, qos, f'output {self.name}')
        return findings

    def count_readers(self) -> int:
        """Return the number of subscriptions to what the images become."""
        return sum(self._node.count_subscribers(topic) for topic in self._outputs())

    def _outputs(self) -> list[str]:
        below = self._node.resolve_topic_name(f'{self.name}/segmentation')
        return [
            topic
            for topic, kinds in self._node.get_topic_names_and_types()
            if topic.startswith(f'{below}/') and not _OUTPUT_TYPES.isdisjoint(kinds)
        ]

    def _receive(self, data: bytes) -> None:
        self.heard.arrivals_s.append(time.monotonic())
        self._last = data, self._now_s()

    def _calibrate(self, info: CameraInfo) -> None:
        self.heard.calibration = calibration_of(info)
        self.heard.info_frame_id = info.header.frame_id


class Ears:
    """
    Listens to the cameras of a node's parameters, and to the clock.

    Parameters
    ----------
    namespace : str
        The node's namespace.
    values : mapping
        The node's parameters by name.

    Attributes
    ----------
    node : Node
        The node that listens; to be spun by the caller.
    cameras : list of Ear
        The cameras.
    ticks_s : list of float
        What came on ``/clock`` [s].

    Raises
    ------
    ConfigurationError
        If the node would refuse the parameters.

    """

    def __init__(self, namespace: str, values: Mapping[str, Any]) -> None:
        """Subscribe."""
        self.ticks_s: list[float] = []
        self._use_sim_time = values.get('use_sim_time') is True
        self.node = Node(
            'unet_seg_doctor_ears',
            namespace=namespace,
            parameter_overrides=_overrides(values),
            start_parameter_services=False,
            enable_rosout=False,
        )
        try:
            declare_parameters(self.node)
            settings = read_settings(self.node)
        except UserError:
            self.node.destroy_node()
            raise
        self.cameras = [Ear(self.node, camera, self._now_s) for camera in settings.cameras]
        self.node.create_subscription(Clock, '/clock', self._tick, input_qos())

    def count_clocks(self) -> int:
        """Return the number of publishers of ``/clock``."""
        return int(self.node.count_publishers('/clock'))

    def close(self) -> None:
        """Stop listening."""
        self.node.destroy_node()

    def _now_s(self) -> float:
        if not self._use_sim_time:
            return time.time()
        return self.ticks_s[-1] if self.ticks_s else 0.0

    def _tick(self, message: Clock) -> None:
        self.ticks_s.append(stamp_ns(message.clock) / NS_PER_S)


def _overrides(values: Mapping[str, Any]) -> list[Parameter]:
    overrides = []
    for name, value in values.items():
        # On simulated time this node would hear the clock twice.
        if name == 'use_sim_time':
            continue
        try:
            # ROS has no empty list either.
            kind = Parameter.Type.NOT_SET if value == [] else None
            overrides.append(Parameter(name, kind, value=None if value == [] else value))
        except (TypeError, ValueError) as e:
            raise ConfigurationError(f'parameter {name}: {value!r}: {one_line(e)}') from e
    return overrides
