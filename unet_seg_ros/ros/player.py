"""The player: a folder of images or a rosbag2, published as a camera."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.folder import LabelledFolder, list_images, read_image
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.recordings.storage import is_bag
from unet_seg_ros.ros.messages import NS_PER_S, frame_message, image_message
from unet_seg_ros.ros.source import SOURCE_QOS, Pace, SentLog, ros_node

#: The rate of images that carry no times.
FOLDER_RATE_HZ = 20.0


@dataclass(frozen=True)
class PlayOptions:
    """
    What is played, and how.

    Attributes
    ----------
    path : Path
        A folder of images, or a rosbag2.
    topic : str or None
        The bag's topic, where it has several with images.
    camera : str
        Name of the camera; its topic is ``<camera>/image_raw``.
    rate_hz : float or None
        Frames per second; None for the recording's own, 20 for a folder, which has none.
    loop : bool
        Whether to begin again at the end.
    seconds : float or None
        Where it ends at the latest; None for the end of the recording.
    label_tags : int or None
        Number of CARLA tags (13, 23 or 29) that a folder's labels use; they are then published
        too, coloured, on `semantic_topic`.
    readers : int
        Subscriptions that the image must have before the first frame is sent; the labels must
        then have one.
    log : Path or None
        Where to note what was sent, see `SentLog`.

    """

    path: Path
    topic: str | None = None
    camera: str = 'camera'
    rate_hz: float | None = None
    loop: bool = False
    seconds: float | None = None
    label_tags: int | None = None
    readers: int = 0
    log: Path | None = None

    @property
    def image_topic(self) -> str:
        """Topic of the images."""
        return f'{self.camera}/image_raw'

    @property
    def semantic_topic(self) -> str:
        """Topic of the palette-coloured labels."""
        return f'{self.camera}/semantic_segmentation/image'


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """
    A frame of any recording.

    Attributes
    ----------
    offset_s : float
        When it is due, from the beginning of the recording.
    frame_id : str
        The optical frame; empty if the recording does not tell.
    frame : RawFrame
        The pixels.
    tags_hw : ndarray or None
        The labels, uint8 [H, W], if asked for.

    """

    offset_s: float
    frame_id: str
    frame: RawFrame
    tags_hw: ByteArray | None = None


def play(options: PlayOptions) -> int:
    """
    Publish a recording until it ends or a signal comes; each stamp is the time of sending.

    Returns
    -------
    int
        The number of frames sent.

    Raises
    ------
    RecordingError
        If the recording cannot be read; the message says why.
    ConfigurationError
        If the recording is a bag and ``rosbags`` is not installed, or the log cannot be written.
    KeyboardInterrupt
        On SIGINT or SIGTERM.

    """
    end_s = float('inf') if options.seconds is None else options.seconds
    frames = itertools.takewhile(lambda f: f.offset_s < end_s, _repeated(options))
    # Whatever is wrong with the recording is told before ROS starts.
    first = next(frames)
    num_sent = 0
    with ros_node('player') as node, closing(SentLog(options.log)) as log:
        publisher = PlayPublisher(node, options)
        pace = Pace(node)
        pace.wait_until(publisher.has_readers)
        for recorded in itertools.chain([first], frames):
            pace.wait(recorded.offset_s)
            publisher.publish(recorded, log)
            num_sent += 1
        pace.say_farewell()
    return num_sent


class PlayPublisher:
    """
    Publishes the frames of a recording.

    Parameters
    ----------
    node : Node
        The node that owns the publishers.
    options : PlayOptions
        Names the topics.

    """

    def __init__(self, node: Node, options: PlayOptions) -> None:
        """Create the publishers."""
        self._options = options
        self._clock = node.get_clock()
        self._image = node.create_publisher(Image, options.image_topic, SOURCE_QOS)
        self._labels: tuple[Publisher, Palette] | None = None
        if options.label_tags is not None:
            self._labels = (
                node.create_publisher(Image, options.semantic_topic, SOURCE_QOS),
                Palette(CARLA_TAGS[options.label_tags]),
            )

    def has_readers(self) -> bool:
        """Return whether all subscriptions that the options ask for are matched."""
        readers = self._options.readers
        wanted = {self._image: readers}
        if self._labels is not None:
            wanted[self._labels[0]] = min(readers, 1)
        return all(p.get_subscription_count() >= count for p, count in wanted.items())

    def publish(self, recorded: RecordedFrame, log: SentLog) -> None:
        """Publish a frame, stamped with the present ROS time, its labels first."""
        header = Header(
            stamp=self._clock.now().to_msg(),
            frame_id=recorded.frame_id or f'{self._options.camera}_optical_frame',
        )
        image = frame_message(recorded.frame, header)
        if self._labels is not None and recorded.tags_hw is not None:
            publisher, palette = self._labels
            publisher.publish(image_message(palette.paint(recorded.tags_hw), 'bgra8', header))
        log.sending(header.stamp)
        self._image.publish(image)


def _repeated(options: PlayOptions) -> Iterator[RecordedFrame]:
    start_s = 0.0
    for _ in itertools.count() if options.loop else range(1):
        last_s = period_s = 0.0
        for recorded in _frames(options):
            period_s, last_s = recorded.offset_s - last_s, recorded.offset_s
            yield replace(recorded, offset_s=start_s + recorded.offset_s)
        start_s += last_s + (period_s or 1.0 / (options.rate_hz or FOLDER_RATE_HZ))


def _frames(options: PlayOptions) -> Iterator[RecordedFrame]:
    path = options.path
    if path.is_dir() and not is_bag(path):
        return _folder_frames(options)
    if options.label_tags is not None:
        raise ConfigurationError(f'{path}: labels are read from folders of images only')
    return _bag_frames(options)


def _folder_frames(options: PlayOptions) -> Iterator[RecordedFrame]:
    pairs: Iterable[tuple[ByteArray, ByteArray | None]]
    if options.label_tags is None:
        pairs = ((read_image(path), None) for path in list_images(options.path))
    else:
        pairs = LabelledFolder(options.path, CARLA_TAGS[options.label_tags])
    rate_hz = options.rate_hz or FOLDER_RATE_HZ
    for index, (image, tags_hw) in enumerate(pairs):
        yield RecordedFrame(index / rate_hz, '', RawFrame.from_bgr(image), tags_hw)


def _bag_frames(options: PlayOptions) -> Iterator[RecordedFrame]:
    try:
        from unet_seg_ros.recordings.bag import read_images
    except ImportError as e:
        raise ConfigurationError(
            f'bag {options.path}: reading it needs rosbags ({e}): '
            "pip install 'unet_seg_ros[recordings]'"
        ) from e
    start_ns, offset_s = None, 0.0
    for index, image in enumerate(read_images(options.path, options.topic)):
        start_ns = image.stamp_ns if start_ns is None else start_ns
        # Never back in time, should the recording's clock have been set meanwhile.
        offset_s = max(offset_s, (image.stamp_ns - start_ns) / NS_PER_S)
        due_s = index / options.rate_hz if options.rate_hz else offset_s
        yield RecordedFrame(due_s, image.frame_id, image.frame)
