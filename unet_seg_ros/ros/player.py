"""The player: a folder of images or a rosbag2, published as a camera."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.recordings.playback import RecordedFrame, Tape, open_source
from unet_seg_ros.ros.messages import NS_PER_S, frame_message, image_message, to_stamp
from unet_seg_ros.ros.player_deck import Commands, Deck, no_commands
from unet_seg_ros.ros.player_options import PlayOptions
from unet_seg_ros.ros.source import SOURCE_QOS, Pace, SentLog, ros_node


def play(
    options: PlayOptions,
    commands: Commands = no_commands,
    tell: Callable[[str], None] = lambda line: None,
) -> int:
    """
    Publish a recording until it ends or a signal comes.

    Parameters
    ----------
    options : PlayOptions
        What is played.
    commands : callable, optional
        Asked often.
    tell : callable, optional
        Told in one line what a command did, and of a long wait for the next frame.

    Returns
    -------
    int
        The number of frames sent.

    Raises
    ------
    RecordingError
        If the recording cannot be read, or has no frame in the part asked for.
    ConfigurationError
        If the recording is a bag and ``rosbags`` is not installed, or the log cannot be written.
    KeyboardInterrupt
        On SIGINT or SIGTERM.

    """
    source = open_source(options.path, options.topic, options.rate_hz, options.label_tags)
    tape = Tape(source, options.start_s, options.duration_s, options.loop)
    # Whatever is wrong with the recording is told before ROS starts.
    recorded = tape.advance()
    if recorded is None:
        raise RecordingError(f'{options.path}: ends before {options.start_s:g} s; start earlier')
    num_sent = 0
    with ros_node('player') as node, closing(SentLog(options.log)) as log:
        publisher = PlayPublisher(node, options, has_info=recorded.camera_info is not None)
        pace = Pace(node)
        pace.wait_until(publisher.has_readers)
        pace.wait(0.0)
        deck = Deck(tape, options, commands, tell)
        try:
            while recorded is not None:
                publisher.publish(recorded, deck.step_s, log)
                num_sent += 1
                recorded = deck.next(pace)
        except RecordingError:
            # What can be read has been sent, and is to arrive.
            pace.say_farewell()
            raise
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
    has_info : bool
        Whether the recording has ``camera_info``.

    """

    def __init__(self, node: Node, options: PlayOptions, has_info: bool) -> None:
        """Create the publishers."""
        self._options = options
        self._clock = node.get_clock()
        self._simulated: Publisher | None = None
        self._simulated_ns: int | None = None
        self._image = node.create_publisher(Image, options.image_topic, SOURCE_QOS)
        self._labels: tuple[Publisher, Palette] | None = None
        self._info: Publisher | None = None
        if has_info:
            self._info = node.create_publisher(CameraInfo, options.info_topic, SOURCE_QOS)
        if options.clock:
            self._simulated = node.create_publisher(Clock, '/clock', SOURCE_QOS)
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

    def publish(self, recorded: RecordedFrame, step_s: float, log: SentLog) -> None:
        """Publish a frame that lies a step [s] behind the one before; its image comes last."""
        header = Header(
            stamp=self._stamp(recorded, step_s),
            frame_id=recorded.frame_id or f'{self._options.camera}_optical_frame',
        )
        image = frame_message(recorded.frame, header)
        if self._labels is not None and recorded.tags_hw is not None:
            publisher, palette = self._labels
            publisher.publish(image_message(palette.paint(recorded.tags_hw), 'bgra8', header))
        if self._info is not None and recorded.camera_info is not None:
            info = deserialize_message(recorded.camera_info, CameraInfo)
            info.header = header
            self._info.publish(info)
        log.sending(header.stamp)
        self._image.publish(image)

    def _stamp(self, recorded: RecordedFrame, step_s: float) -> Time:
        if self._simulated is None:
            return self._clock.now().to_msg()
        if self._simulated_ns is None:
            # A folder has no times; 0 would mean that no clock is there.
            self._simulated_ns = recorded.stamp_ns or NS_PER_S
        else:
            self._simulated_ns += round(step_s * NS_PER_S)
        stamp = to_stamp(self._simulated_ns)
        self._simulated.publish(Clock(clock=stamp))
        return stamp
