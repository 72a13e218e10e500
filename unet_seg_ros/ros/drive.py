"""The drive publisher: a rendered drive, published as the CARLA ROS bridge does."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.ros.ahead import Ahead
from unet_seg_ros.ros.messages import NS_PER_S, camera_info_message, image_message, to_stamp
from unet_seg_ros.ros.source import SOURCE_QOS, Pace, SentLog, ros_node
from unet_seg_ros.scenes import Frame, PinholeCamera
from unet_seg_ros.scenes.tour import Tour

DEFAULT_SIZE = ImageSize(height=720, width=1280)


@dataclass(frozen=True)
class DriveOptions:
    """
    Which drive is published, and how.

    Attributes
    ----------
    layouts, seed, leg_frames : tuple of str, int, int
        The scenes, see `Tour`.
    role, camera : str
        CARLA's role name of the vehicle and the id of its camera.
    size : ImageSize
        Of the images [px].
    rate_hz : float
        Frames per second, of real and of simulated time.
    num_frames : int
        Where it ends; 0 for never.
    num_ahead : int
        Frames that are drawn before the first is sent, and at most at any time; a machine that
        draws more slowly than `rate_hz` keeps the rate with them. 4 bytes for each pixel.
    readers : int
        Subscriptions that the image must have before the first frame is sent; the semantic
        image must then have one.
    log : Path or None
        Where to note what was sent, see `SentLog`.

    """

    layouts: tuple[str, ...]
    seed: int = 0
    leg_frames: int = 0
    role: str = 'ego_vehicle'
    camera: str = 'rgb_front'
    size: ImageSize = DEFAULT_SIZE
    rate_hz: float = 20.0
    num_frames: int = 0
    num_ahead: int = 1
    readers: int = 0
    log: Path | None = None

    @property
    def semantic_camera(self) -> str:
        """The id of the semantic camera at the same place, named as the bridge's examples do."""
        return f'semantic_segmentation_{self.camera.removeprefix("rgb_")}'

    @property
    def image_topic(self) -> str:
        """Topic of the images."""
        return f'/carla/{self.role}/{self.camera}/image'

    @property
    def semantic_topic(self) -> str:
        """Topic of the palette-coloured semantic images."""
        return f'/carla/{self.role}/{self.semantic_camera}/image'


@dataclass(frozen=True, slots=True)
class Tick:
    """The messages of one simulation step, all of one stamp."""

    clock: Clock
    camera_info: CameraInfo
    semantic: Image
    image: Image


class DrivePublisher:
    """
    Makes the messages of a drive and publishes them.

    Parameters
    ----------
    node : Node
        The node that owns the publishers.
    options : DriveOptions
        Which drive.

    Raises
    ------
    ConfigurationError
        If there is no such layout.

    """

    def __init__(self, node: Node, options: DriveOptions) -> None:
        """Create the publishers; nothing is drawn yet."""
        self._options = options
        self._camera = PinholeCamera(options.size)
        self._tour = Tour(
            options.layouts, options.seed, options.leg_frames, self._camera, options.rate_hz
        )
        self._palette = Palette(CARLA_TAGS[29])
        info_topic = f'/carla/{options.role}/{options.camera}/camera_info'
        self._clock = node.create_publisher(Clock, '/clock', SOURCE_QOS)
        self._camera_info = node.create_publisher(CameraInfo, info_topic, SOURCE_QOS)
        self._semantic = node.create_publisher(Image, options.semantic_topic, SOURCE_QOS)
        self._image = node.create_publisher(Image, options.image_topic, SOURCE_QOS)

    def has_readers(self) -> bool:
        """Return whether all subscriptions that the options ask for are matched."""
        readers = self._options.readers
        return bool(
            self._image.get_subscription_count() >= readers
            and self._semantic.get_subscription_count() >= min(readers, 1)
        )

    def draw(self, index: int) -> Frame:
        """Draw a frame."""
        return self._tour.frame(index)

    def tick(self, index: int, frame: Frame) -> Tick:
        """Make a frame's messages; its stamp is that of the simulated clock, which starts at 0."""
        stamp = to_stamp(round((index + 1) * NS_PER_S / self._options.rate_hz))
        header, semantic_header = (
            Header(stamp=stamp, frame_id=f'{self._options.role}/{camera}')
            for camera in (self._options.camera, self._options.semantic_camera)
        )
        return Tick(
            clock=Clock(clock=stamp),
            camera_info=camera_info_message(self._camera.matrix, self._options.size, header),
            semantic=image_message(self._palette.paint(frame.tags), 'bgra8', semantic_header),
            image=image_message(_bgra(frame), 'bgra8', header),
        )

    def publish(self, tick: Tick, log: SentLog) -> None:
        """Publish a step: first the clock, last the image, which sets others to work."""
        self._clock.publish(tick.clock)
        self._camera_info.publish(tick.camera_info)
        self._semantic.publish(tick.semantic)
        log.sending(tick.image.header.stamp)
        self._image.publish(tick.image)


def publish_drive(options: DriveOptions) -> int:
    """
    Publish a drive at its rate until it ends or a signal comes.

    Returns
    -------
    int
        The number of frames sent.

    Raises
    ------
    ConfigurationError
        If there is no such layout, or the log cannot be written.
    KeyboardInterrupt
        On SIGINT or SIGTERM.

    """
    indices = range(options.num_frames) if options.num_frames else itertools.count()
    with ros_node('carla_drive') as node, closing(SentLog(options.log)) as log:
        publisher = DrivePublisher(node, options)
        pace = Pace(node)
        with Ahead(publisher.draw, indices, options.num_ahead) as frames:
            pace.wait_until(frames.is_full)
            pace.wait_until(publisher.has_readers)
            for index, frame in enumerate(frames):
                tick = publisher.tick(index, frame)
                pace.wait(index / options.rate_hz)
                publisher.publish(tick, log)
        pace.say_farewell()
    return options.num_frames


def _bgra(frame: Frame) -> ByteArray:
    return cast(ByteArray, cv2.cvtColor(frame.image, cv2.COLOR_BGR2BGRA))
