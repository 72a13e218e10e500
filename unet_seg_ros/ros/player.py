"""The player: a folder of images or a rosbag2, published as a camera."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.recordings.playback import RecordedFrame, Tape, open_source
from unet_seg_ros.ros.messages import NS_PER_S, frame_message, image_message, to_stamp
from unet_seg_ros.ros.source import SOURCE_QOS, Pace, SentLog, ros_node

#: How far one command moves the place [s].
SEEK_S = 5.0

# One command makes it faster or slower by this factor; two double the speed, or halve it.
_SPEED_STEP = math.sqrt(2)
_SPEEDS = (1 / 16, 16.0)


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
    speed : float
        How much faster than that.
    start_s, duration_s : float
        The part of the recording that is played [s].
    loop : bool
        Whether to begin that part again at its end.
    seconds : float
        Where it ends at the latest, loops and all [s].
    clock : bool
        Whether to publish ``/clock``, for nodes with ``use_sim_time``. Stamps are then the
        recording's own; in a loop, and after a jump, they go on as if it were one long recording.
        Without it each stamp is the time of sending.
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
    speed: float = 1.0
    start_s: float = 0.0
    duration_s: float = math.inf
    loop: bool = False
    seconds: float = math.inf
    clock: bool = False
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


class Command(Enum):
    """What may be asked for while it plays."""

    PAUSE = 'pause, or go on'
    BACK = 'seek back'
    AHEAD = 'seek ahead'
    FASTER = 'play faster'
    SLOWER = 'play slower'
    END = 'end'


#: Returns the commands that came since it was last asked.
Commands = Callable[[], Iterable[Command]]


def no_commands() -> Iterable[Command]:
    """Return no command, ever."""
    return ()


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
        Asked before each frame, and often during a pause.
    tell : callable, optional
        Told in one line what a command did.

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
    num_sent, step_s, due_s = 0, 0.0, 0.0
    with ros_node('player') as node, closing(SentLog(options.log)) as log:
        publisher = PlayPublisher(node, options)
        pace = Pace(node)
        pace.wait_until(publisher.has_readers)
        deck = Deck(tape, options.speed, commands, tell)
        while recorded is not None and due_s < options.seconds:
            pace.wait(due_s)
            publisher.publish(recorded, step_s, log)
            num_sent += 1
            pace.wait_until(deck.goes_on)
            recorded = None if deck.has_ended else tape.advance()
            step_s = 1 / options.rate_hz if options.rate_hz else tape.step_s
            due_s += step_s / deck.speed
        pace.say_farewell()
    return num_sent


class Deck:
    """
    Does what is asked for while a recording plays.

    Parameters
    ----------
    tape : Tape
        The recording.
    speed : float
        How much faster than recorded.
    commands, tell : callable
        See `play`.

    Attributes
    ----------
    speed : float
        How much faster than recorded, now.
    has_ended : bool
        Whether the end was asked for.

    """

    def __init__(
        self, tape: Tape, speed: float, commands: Commands, tell: Callable[[str], None]
    ) -> None:
        """Play; nothing is asked for yet."""
        self.speed = speed
        self.has_ended = False
        self._tape, self._commands, self._tell = tape, commands, tell
        self._is_paused = False

    def goes_on(self) -> bool:
        """Obey what came; return whether a frame is wanted: in a pause only after a jump."""
        was_moved = False
        for command in self._commands():
            was_moved |= command in (Command.BACK, Command.AHEAD)
            self._obey(command)
        return was_moved or self.has_ended or not self._is_paused

    def _obey(self, command: Command) -> None:
        if command is Command.PAUSE:
            self._is_paused = not self._is_paused
        elif command is Command.END:
            self.has_ended = True
        elif command in (Command.BACK, Command.AHEAD):
            self._tape.seek(
                self._tape.position_s + (SEEK_S if command is Command.AHEAD else -SEEK_S)
            )
        else:
            factor = _SPEED_STEP if command is Command.FASTER else 1 / _SPEED_STEP
            self.speed = min(max(self.speed * factor, _SPEEDS[0]), _SPEEDS[1])
        state = 'paused' if self._is_paused else 'playing'
        self._tell(f'{state} at {self._tape.position_s:.2f} s, speed {self.speed:.2g}')


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
        self._simulated: Publisher | None = None
        self._simulated_ns: int | None = None
        self._image = node.create_publisher(Image, options.image_topic, SOURCE_QOS)
        self._labels: tuple[Publisher, Palette] | None = None
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
        """Publish a frame that lies a step [s] behind the one before, its labels first."""
        header = Header(
            stamp=self._stamp(recorded, step_s),
            frame_id=recorded.frame_id or f'{self._options.camera}_optical_frame',
        )
        image = frame_message(recorded.frame, header)
        if self._labels is not None and recorded.tags_hw is not None:
            publisher, palette = self._labels
            publisher.publish(image_message(palette.paint(recorded.tags_hw), 'bgra8', header))
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
