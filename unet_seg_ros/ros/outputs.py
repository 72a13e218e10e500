"""The images that are published of one camera, each drawn only while somebody reads it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.run_length import encode_runs
from unet_seg_ros.core.segmenter import Segmentation
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.ros.messages import ReusedImage, frame_message
from unet_seg_ros.ros.qos_overrides import overridable

Draw = Callable[[Segmentation, 'ByteArray | None'], ByteArray]

#: Each image that is published: its topic below ``<camera>/segmentation/``, its encoding and how
#: it is had from a result; in the order of publication, the most urgent first.
OUTPUTS: tuple[tuple[str, str, Draw], ...] = (
    ('mask', 'mono8', Segmentation.mask),
    ('drivable_mask', 'mono8', Segmentation.drivable_mask),
    ('confidence', 'mono8', Segmentation.confidence),
    ('color_mask', 'rgb8', Segmentation.color_mask),
    ('overlay', 'rgb8', Segmentation.overlay),
)

INFO = 'camera_info'

#: The mask as runs, for Autoware: called mono8 there, though its data are no pixels.
RUNS = 'mask_rle'


def output_qos() -> QoSProfile:
    """Return what fits reliable and best-effort readers alike."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=2,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


def group_topic(group: str) -> str:
    """Return the last part of the topic of a group's probability."""
    name = re.sub(r'\W|^(?=\d)', '_', group, flags=re.ASCII)
    return f'{name}_probability'


class CameraOutputs:
    """
    The publishers of one camera.

    Parameters
    ----------
    node : LifecycleNode
        The node that owns them.
    camera : str
        The camera's name.

    """

    def __init__(self, node: LifecycleNode, camera: str) -> None:
        """Create none yet."""
        self._node = node
        self._camera = camera
        self._is_active = False
        self._images: dict[str, ReusedImage] = {}
        #: All that were made; they live until all are destroyed, for a frame may be in work.
        self._publishers: dict[str, LifecyclePublisher] = {}
        self._offered: tuple[str, ...] = ()

    def create(self) -> None:
        """
        Create those that every model and every setting has.

        Raises
        ------
        ConfigurationError
            If the QoS that the user gave to one of them cannot be used.

        """
        self.offer((), with_runs=False)
        self._create(INFO, CameraInfo)

    def offer(self, groups: Sequence[str], with_runs: bool) -> None:
        """
        Offer the probabilities of these groups, and the runs or not, from now on.

        Raises
        ------
        ConfigurationError
            As `create` does.

        """
        names = [name for name, _, _ in OUTPUTS]
        names += [RUNS] if with_runs else []
        names += map(group_topic, groups)
        for name in names:
            if name not in self._publishers:
                self._create(name, Image)
        self._offered = tuple(names)

    def activate(self) -> None:
        """Note that publishers made from now on are to be active at once."""
        self._is_active = True

    def deactivate(self) -> None:
        """Note that publishers made from now on are to be inactive."""
        self._is_active = False

    def destroy(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}

    def is_watched(self) -> bool:
        """Return whether anybody subscribes to one of the images."""
        return any(self._has_reader(name) for name in self._offered)

    def has_info_reader(self) -> bool:
        """Return whether anybody subscribes to the camera information."""
        return self._has_reader(INFO)

    def publish(self, result: Segmentation, header: Header) -> float | None:
        """
        Publish what somebody subscribes to.

        Returns
        -------
        float or None
            When the first was published, on the steady clock [s]; None if none was.

        """
        first_s = None
        for name, encoding, draw in (*OUTPUTS, *_group_outputs(result)):
            if name in self._offered and self._has_reader(name):
                self._publishers[name].publish(self._drawn(name, encoding, draw, result, header))
                first_s = first_s or time.monotonic()
        if RUNS in self._offered and self._has_reader(RUNS):
            self._publishers[RUNS].publish(_runs(result.mask(), header))
            first_s = first_s or time.monotonic()
        return first_s

    def publish_info(self, info: CameraInfo) -> None:
        """Publish the camera information."""
        self._publishers[INFO].publish(info)

    def _create(self, name: str, kind: type) -> None:
        topic = f'{self._camera}/segmentation/{name}'
        with overridable(self._node, topic) as overrides:
            publisher = self._node.create_lifecycle_publisher(
                kind, topic, output_qos(), qos_overriding_options=overrides
            )
        if self._is_active:
            publisher.on_activate(None)
        self._publishers[name] = publisher

    def _has_reader(self, name: str) -> bool:
        return bool(self._publishers[name].get_subscription_count() > 0)

    def _drawn(
        self, name: str, encoding: str, draw: Draw, result: Segmentation, header: Header
    ) -> Image:
        image = self._images.get(name)
        if image is None or ImageSize.of(image.pixels) != result.geometry.output:
            image = self._images[name] = ReusedImage(draw(result, None), encoding)
        else:
            image.fill(draw(result, image.pixels))
        image.message.header = header
        return image.message


def _group_outputs(result: Segmentation) -> list[tuple[str, str, Draw]]:
    def draw(group: str) -> Draw:
        return lambda result, out: result.probability_of(group, out)

    return [(group_topic(group), 'mono8', draw(group)) for group in result.renderer.groups]


def _runs(mask_hw: ByteArray, header: Header) -> Image:
    size = ImageSize.of(mask_hw)
    return frame_message(RawFrame(encode_runs(mask_hw), 'mono8', size, size.width), header)
