"""One camera of the node: what it subscribes to, and which of its frames are published."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.core.errors import ConfigurationError, FrameError
from unet_seg_ros.core.geometry import Geometry
from unet_seg_ros.core.segmenter import Segmentation
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.core.statistics import FrameStatistics
from unet_seg_ros.core.unknown import UnknownPixels
from unet_seg_ros.ros.camera_info import calibration_of, output_info
from unet_seg_ros.ros.graph_check import silence_reason
from unet_seg_ros.ros.messages import NS_PER_S, stamp_ns
from unet_seg_ros.ros.outputs import CameraOutputs
from unet_seg_ros.ros.parameters import CameraSettings
from unet_seg_ros.ros.qos_overrides import overridable


def input_qos() -> QoSProfile:
    """Return what matches every publisher and keeps nothing that a newer frame makes stale."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image message and when it came, on the steady clock [s]."""

    message: Image | CompressedImage
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
        The camera's parameters.

    Attributes
    ----------
    image_topic : str
        The image topic as the graph has it, namespace and remappings applied.
    options : CameraOptions
        How its frames are segmented; replaced between two frames when a parameter changes.
    max_rate_hz : float
        How many frames of a second are taken at most; 0 for all.
    max_age_s : float
        The age at which a frame is not published any more [s]; 0 for never.

    Raises
    ------
    ConfigurationError
        If the QoS that the user gave to one of its topics cannot be used.

    """

    def __init__(self, node: LifecycleNode, settings: CameraSettings) -> None:
        """Create the publishers."""
        self.settings = settings
        # Uncompressed by the very name that was set: rclpy remaps it.
        self._subscribed_topic = settings.image_topic
        if settings.is_compressed:
            self._subscribed_topic = node.resolve_topic_name(settings.image_topic) + '/compressed'
        self.image_topic: str = node.resolve_topic_name(self._subscribed_topic)
        self.options = settings.options
        self.max_rate_hz = settings.max_rate_hz
        self.max_age_s = 0.0
        self.statistics = FrameStatistics()
        #: One for each camera, so that one camera's warning does not throttle another's.
        self.logger = node.get_logger().get_child(settings.name.replace('/', '.'))
        self.last_arrival_s = time.monotonic()
        self._due_s = 0.0
        self._node = node
        self._info: CameraInfo | None = None
        self._contract: ModelContract | None = None
        self._has_runs = False
        self._subscriptions: list[Subscription] = []
        self.outputs = CameraOutputs(node, settings.name)
        try:
            self.outputs.create()
            # Once in advance: what the user gave them is to be found wrong by configure.
            self._create_subscriptions(lambda message: None)
        except ConfigurationError:
            self.destroy()
            raise
        self.unsubscribe()

    def offer_model(self, contract: ModelContract) -> None:
        """Offer what the model that serves can give."""
        self._contract = contract
        self._offer()

    def offer_runs(self, has_runs: bool) -> None:
        """Offer the mask as runs, or no longer."""
        self._has_runs = has_runs
        self._offer()

    def _offer(self) -> None:
        groups = self._contract.groups if self._contract else ()
        self.outputs.offer(tuple(groups), self._has_runs)

    def set_min_confidence(self, least: float) -> None:
        """Set the confidence below which a pixel is unknown, 0 to 1, for all frames to come."""
        unknown = UnknownPixels(least, self.settings.ego)
        self.options = replace(self.options, unknown=unknown)

    def subscribe(self, on_image: Callable[[str, Arrival], None]) -> None:
        """Start receiving; every image that is due goes to `on_image` with the camera's name."""
        self.statistics = FrameStatistics()
        self.last_arrival_s = time.monotonic()
        self._due_s = 0.0
        self.outputs.activate()

        def receive(message: Image | CompressedImage) -> None:
            arrival = Arrival(message, time.monotonic())
            self.last_arrival_s = arrival.time_s
            self.statistics.received += 1
            if self._is_due(arrival.time_s):
                on_image(self.settings.name, arrival)
            else:
                self.statistics.limited += 1

        self._create_subscriptions(receive)

    def _create_subscriptions(self, receive: Callable[[Image | CompressedImage], None]) -> None:
        kind = CompressedImage if self.settings.is_compressed else Image
        for message, topic, callback in (
            (kind, self._subscribed_topic, receive),
            (CameraInfo, self.settings.camera_info_topic, self._remember_info),
        ):
            with overridable(self._node, topic) as overrides:
                subscription = self._node.create_subscription(
                    message, topic, callback, input_qos(), qos_overriding_options=overrides
                )
            self._subscriptions.append(subscription)

    def unsubscribe(self) -> None:
        """Stop receiving and forget the camera's information."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self._info = None
        self.outputs.deactivate()

    def destroy(self) -> None:
        """Destroy the publishers."""
        self.unsubscribe()
        self.outputs.destroy()

    def is_watched(self) -> bool:
        """Return whether anybody subscribes to one of the images."""
        return self.outputs.is_watched()

    def silence_reason(self) -> str:
        """Return why no image comes, as far as the graph tells; empty if it shows nothing."""
        return silence_reason(self._node, self.image_topic)

    def is_stale(self, arrival: Arrival) -> bool:
        """Return whether a frame is too old to be published, and then count and report it."""
        if not self.max_age_s:
            return False
        # Where the clock jumps back, frames are from the future for a while: never too old.
        now_ns = self._node.get_clock().now().nanoseconds
        age_s = (now_ns - stamp_ns(arrival.message.header.stamp)) / NS_PER_S
        if age_s <= self.max_age_s:
            return False
        self.statistics.stale += 1
        self.logger.warning(
            f'frame dropped: its stamp is {age_s:.2f} s old, max_age_s is {self.max_age_s}: do '
            'camera and node have the same clock (use_sim_time)?',
            throttle_duration_sec=5.0,
        )
        return True

    def refuse(self, error: FrameError) -> None:
        """Count and report a frame that cannot be read."""
        self.statistics.refused += 1
        self.logger.warning(f'frame dropped: {error}', throttle_duration_sec=5.0)

    def publish(self, arrival: Arrival, result: Segmentation) -> None:
        """Publish what somebody subscribes to, under the very header of the camera's image."""
        first_s = self.outputs.publish(result, arrival.message.header)
        if first_s is not None:
            self.statistics.total_s.append(first_s - arrival.time_s)
        info = self._info
        if info is not None and self.outputs.has_info_reader():
            self._publish_info(info, arrival, result.geometry)

    def publish_info_alone(self, arrival: Arrival) -> None:
        """
        Publish the camera's information for a frame that is not segmented.

        Raises
        ------
        FrameError
            If the image is empty, or the region of interest reaches out of it.

        """
        info, image = self._info, arrival.message
        if info is None or self._contract is None or not self.outputs.has_info_reader():
            return
        # A compressed image is not decoded for its size alone.
        is_compressed = isinstance(image, CompressedImage)
        size = (
            calibration_of(info).image_size
            if is_compressed
            else ImageSize(image.height, image.width)
        )
        self._publish_info(info, arrival, self.options.geometry(size, self._contract))

    def _publish_info(self, info: CameraInfo, arrival: Arrival, geometry: Geometry) -> None:
        calibration = calibration_of(info)
        if calibration.image_size != geometry.camera:
            self.logger.warning(
                f'camera_info on {self.settings.camera_info_topic} is for '
                f'{calibration.image_size} px, the images are {geometry.camera} px: '
                'not republished; let both come from the same camera',
                throttle_duration_sec=10.0,
            )
            return
        # The intrinsics are those of the camera, the moment is that of the mask.
        message = output_info(info, calibration, geometry)
        message.header = arrival.message.header
        self.outputs.publish_info(message)

    def _is_due(self, now_s: float) -> bool:
        if not self.max_rate_hz:
            return True
        period_s = 1.0 / self.max_rate_hz
        wait_s = self._due_s - now_s
        # Longer ones are left from before the rate was raised.
        if 0.0 < wait_s <= period_s:
            return False
        # From the moment that was due, where that is not long ago: else a camera of 30 Hz with a
        # little jitter would give 10 Hz where 15 are allowed.
        first_s = self._due_s if -period_s < wait_s <= 0.0 else now_s
        self._due_s = first_s + period_s
        return True

    def _remember_info(self, info: CameraInfo) -> None:
        self._info = info
