"""One camera of the node: what it subscribes to and what it publishes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image

from unet_seg_ros.core.segmenter import Segmentation
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.core.statistics import FrameStatistics
from unet_seg_ros.ros.messages import ReusedImage
from unet_seg_ros.ros.parameters import CameraSettings


# Profiles are made anew for each topic: rclpy writes a topic's `qos_overrides` into the profile
# that it is given.
def input_qos() -> QoSProfile:
    """Return what matches every publisher and keeps nothing that a newer frame makes stale."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def output_qos() -> QoSProfile:
    """Return what fits reliable and best-effort readers alike."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=2,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


#: Each image that is published: its topic below ``<camera>/segmentation/``, its encoding and how
#: it is had from a result; in the order of publication, the most urgent first.
OUTPUTS: tuple[tuple[str, str, Callable[[Segmentation, ByteArray | None], ByteArray]], ...] = (
    ('mask', 'mono8', Segmentation.mask),
    ('drivable_mask', 'mono8', Segmentation.drivable_mask),
    ('confidence', 'mono8', Segmentation.confidence),
    ('color_mask', 'rgb8', Segmentation.color_mask),
    ('overlay', 'rgb8', Segmentation.overlay),
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image message and when it came, on the steady clock [s]."""

    message: Image
    time_s: float


class CameraChannel:
    """
    The subscriptions and publishers of one camera.

    Publishers live from configure to cleanup, subscriptions from activate to deactivate.

    Parameters
    ----------
    node : LifecycleNode
        The node that owns them.
    settings : CameraSettings
        The camera's name and topics.

    """

    def __init__(self, node: LifecycleNode, settings: CameraSettings) -> None:
        """Create the publishers."""
        self.settings = settings
        #: The image topic as the graph has it, namespace and remappings applied.
        self.image_topic: str = node.resolve_topic_name(settings.image_topic)
        self.statistics = FrameStatistics()
        #: One for each camera, so that one camera's warning does not throttle another's.
        self.logger = node.get_logger().get_child(settings.name.replace('/', '.'))
        self.last_arrival_s = time.monotonic()
        self._node = node
        self._info: CameraInfo | None = None
        self._subscriptions: list[Subscription] = []
        self._images: dict[str, ReusedImage] = {}
        overrides = QoSOverridingOptions.with_default_policies()
        self._publishers = {
            name: node.create_lifecycle_publisher(
                kind,
                f'{settings.name}/segmentation/{name}',
                output_qos(),
                qos_overriding_options=overrides,
            )
            for name, kind in (*((o[0], Image) for o in OUTPUTS), ('camera_info', CameraInfo))
        }

    def subscribe(self, on_image: Callable[[str, Arrival], None]) -> None:
        """Start receiving; every image goes to `on_image` with the camera's name."""
        self.statistics = FrameStatistics()
        self.last_arrival_s = time.monotonic()

        def receive(message: Image) -> None:
            arrival = Arrival(message, time.monotonic())
            self.last_arrival_s = arrival.time_s
            self.statistics.received += 1
            on_image(self.settings.name, arrival)

        overrides = QoSOverridingOptions.with_default_policies()
        self._subscriptions = [
            self._node.create_subscription(
                kind, topic, callback, input_qos(), qos_overriding_options=overrides
            )
            for kind, topic, callback in (
                (Image, self.settings.image_topic, receive),
                (CameraInfo, self.settings.camera_info_topic, self._remember_info),
            )
        ]

    def unsubscribe(self) -> None:
        """Stop receiving and forget the camera's information."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self._info = None

    def destroy(self) -> None:
        """Destroy the publishers."""
        self.unsubscribe()
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}

    def is_watched(self) -> bool:
        """Return whether anybody subscribes to one of the images."""
        return any(self._has_reader(name) for name, _, _ in OUTPUTS)

    def publish(self, arrival: Arrival, result: Segmentation) -> None:
        """Publish what somebody subscribes to, under the very header of the camera's image."""
        first_s = None
        for name, encoding, draw in OUTPUTS:
            if self._has_reader(name):
                image = self._images.get(name)
                if image is None or ImageSize.of(image.pixels) != result.frame.size:
                    image = self._images[name] = ReusedImage(draw(result, None), encoding)
                else:
                    image.fill(draw(result, image.pixels))
                image.message.header = arrival.message.header
                self._publishers[name].publish(image.message)
                first_s = first_s or time.monotonic()
        if first_s is not None:
            self.statistics.total_s.append(first_s - arrival.time_s)
        self.publish_info(arrival)

    def _has_reader(self, name: str) -> bool:
        return bool(self._publishers[name].get_subscription_count() > 0)

    def _remember_info(self, info: CameraInfo) -> None:
        self._info = info

    def publish_info(self, arrival: Arrival) -> None:
        """Publish the camera's information, if there is any, under the header of its image."""
        info = self._info
        if info is None or not self._has_reader('camera_info'):
            return
        image = arrival.message
        if (info.height, info.width) != (image.height, image.width):
            self.logger.warning(
                f'camera_info on {self.settings.camera_info_topic} is for '
                f'{info.width}x{info.height} px, the images are {image.width}x{image.height} px: '
                'not republished; let both come from the same camera',
                throttle_duration_sec=10.0,
            )
            return
        # The intrinsics are those of the camera, the moment is that of the mask.
        info.header = image.header
        self._publishers['camera_info'].publish(info)
