"""The recorder: cameras, their masks and whatever else is named, as they come, into an MCAP."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.mcap_writer import McapWriter, Message, Topic
from unet_seg_ros.recordings.storage import Compression
from unet_seg_ros.recordings.write_behind import WriteBehind
from unet_seg_ros.ros.recorder_definitions import definition, message_class
from unet_seg_ros.ros.source import ros_node

#: How often new publishers are looked for [s].
_LOOK_PERIOD_S = 0.1

#: Topics that nobody publishes are told of after so long [s].
_PATIENCE_S = 5.0

#: For how long messages that came before the end are still taken [s].
_LAST_CALL_S = 0.2

# What DDS keeps while this process is busy: as many as a camera sends in half a second.
_DEPTH = 15


@dataclass(frozen=True)
class RecordedCamera:
    """
    A camera to record.

    Attributes
    ----------
    name : str
        Its name, as the node's parameter `cameras` has it.
    image_topic : str
        Its image topic.

    """

    name: str
    image_topic: str

    def topics(self, is_compressed: bool) -> tuple[str, ...]:
        """Return the image topic, ``camera_info`` beside it, and what the node makes of it."""
        image = f'{self.image_topic}/compressed' if is_compressed else self.image_topic
        beside = self.image_topic.rpartition('/')[0]
        info = f'{beside}/camera_info' if '/' in self.image_topic else 'camera_info'
        made = (f'{self.name}/segmentation/{kind}' for kind in ('mask', 'drivable_mask'))
        return (image, info, *made)


@dataclass(frozen=True)
class RecordOptions:
    """
    What is recorded, and where.

    Attributes
    ----------
    output : Path
        The MCAP file; there must be none yet.
    cameras : tuple of RecordedCamera
        The cameras.
    topics : tuple of str
        Other topics, of any type that is installed here; the last messages of latched ones too.
    compressed_images : bool
        Whether the cameras' ``.../compressed`` is recorded instead of their raw images.
    seconds : float
        Where it ends at the latest, from the first message on [s].
    compression : {'none', 'lz4', 'zstd'}
        Of the file's chunks.

    """

    output: Path
    cameras: tuple[RecordedCamera, ...] = ()
    topics: tuple[str, ...] = ()
    compressed_images: bool = False
    seconds: float = math.inf
    compression: Compression = 'none'


@dataclass(frozen=True)
class TopicCount:
    """
    What became of a topic.

    Attributes
    ----------
    topic : str
        Its whole name.
    num_written : int
        Messages in the file.
    num_dropped : int
        Messages that came while too many waited for the disk.
    num_lost : int
        Messages that DDS knows to have lost on their way here.

    """

    topic: str
    num_written: int
    num_dropped: int
    num_lost: int


def record(options: RecordOptions) -> list[TopicCount]:
    """
    Record until the time is over or a signal comes; both end with a whole file.

    Returns
    -------
    list of TopicCount
        Of each topic, in the order of the options.

    Raises
    ------
    ConfigurationError
        If the file is there already, or cannot be made.
    RecordingError
        If nothing came, in which case there is no file, or if it could not be written any more.

    """
    with ros_node('recorder') as node, _signalled() as is_signalled:
        behind = WriteBehind(McapWriter(options.output, options.compression))
        try:
            node.get_logger().info(f'recording into {options.output}; Ctrl-C ends it')
            recorder = Recorder(node, options, behind)
            recorder.run(options.seconds, is_signalled)
        finally:
            behind.close()
    counts = recorder.counts()
    if not any(count.num_written for count in counts):
        raise RecordingError(
            f'nothing came on {", ".join(count.topic for count in counts)}, no file was written: '
            'is it published, under this ROS_DOMAIN_ID?'
        )
    return counts


class Recorder:
    """
    Subscribes to topics as they appear, and hands their messages over as they are.

    Parameters
    ----------
    node : Node
        The node that owns the subscriptions.
    options : RecordOptions
        What is recorded.
    behind : WriteBehind
        Writes it.

    """

    def __init__(self, node: Node, options: RecordOptions, behind: WriteBehind) -> None:
        """Begin to look for the topics."""
        self._node, self._behind = node, behind
        streams = [t for c in options.cameras for t in c.topics(options.compressed_images)]
        self._others = {node.resolve_topic_name(topic) for topic in options.topics}
        self._topics = tuple(
            dict.fromkeys(node.resolve_topic_name(t) for t in (*streams, *options.topics))
        )
        self._missing = list(self._topics)
        self._num_lost: Counter[str] = Counter()
        self._first_s: float | None = None
        self._patient_until_s = time.monotonic() + _PATIENCE_S
        node.create_timer(_LOOK_PERIOD_S, self._look)

    def run(self, seconds: float, is_ended: Callable[[], bool]) -> None:
        """Record until so long after the first message, it is ended, or nothing can be written."""
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        while not (self._behind.error or self._is_over(seconds) or is_ended()):
            executor.spin_once(timeout_sec=_LOOK_PERIOD_S)
        # What had come before the end waits in DDS.
        end_s = time.monotonic() + _LAST_CALL_S
        while (left_s := end_s - time.monotonic()) > 0:
            executor.spin_once(timeout_sec=left_s)

    def counts(self) -> list[TopicCount]:
        """Return what became of each topic; final once all is written."""
        written, dropped = self._behind.num_written, self._behind.num_dropped
        return [TopicCount(t, written[t], dropped[t], self._num_lost[t]) for t in self._topics]

    def _is_over(self, seconds: float) -> bool:
        return self._first_s is not None and time.monotonic() - self._first_s > seconds

    def _look(self) -> None:
        for topic in tuple(self._missing):
            if publishers := self._node.get_publishers_info_by_topic(topic):
                self._missing.remove(topic)
                self._subscribe(topic, publishers)
        if self._missing and time.monotonic() > self._patient_until_s:
            self._patient_until_s = math.inf
            self._node.get_logger().warning(
                f'nobody publishes {", ".join(self._missing)} yet; recorded once somebody does'
            )

    def _subscribe(self, topic: str, publishers: list[TopicEndpointInfo]) -> None:
        kind = publishers[0].topic_type
        try:
            described = Topic(topic, kind, definition(kind))
        except ImportError as e:
            self._node.get_logger().warning(f'{topic} is left out: {kind} is not installed: {e}')
            return
        self._node.create_subscription(
            message_class(kind),
            topic,
            partial(self._receive, described),
            _matching_qos(publishers, topic in self._others),
            event_callbacks=SubscriptionEventCallbacks(message_lost=partial(self._lose, topic)),
            raw=True,
        )

    def _receive(self, topic: Topic, data: bytes, info: Mapping[str, int]) -> None:
        self._first_s = time.monotonic() if self._first_s is None else self._first_s
        message = Message(topic, data, info['received_timestamp'], info['source_timestamp'])
        if not self._behind.put(message) and not self._behind.error:
            self._node.get_logger().warning(
                'the disk is too slow: messages are dropped', throttle_duration_sec=5.0
            )

    def _lose(self, topic: str, status: Any) -> None:
        self._num_lost[topic] += status.total_count_change


def _matching_qos(publishers: Iterable[TopicEndpointInfo], may_be_old: bool) -> QoSProfile:
    """Return what all publishers serve; of latched topics, what was sent before if asked for."""
    offers = [publisher.qos_profile for publisher in publishers]
    is_reliable = all(o.reliability == ReliabilityPolicy.RELIABLE for o in offers)
    is_latched = all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers)
    return QoSProfile(
        depth=_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if is_reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL
        if is_latched and may_be_old
        else DurabilityPolicy.VOLATILE,
    )


@contextmanager
def _signalled() -> Iterator[Callable[[], bool]]:
    """
    Give a function that tells whether a signal came.

    An exception out of a handler could come anywhere, between the file and its thread too, and
    that of a second signal cut the end short.
    """
    came = threading.Event()
    previous = {
        number: signal.signal(number, lambda number, frame: came.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield came.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
