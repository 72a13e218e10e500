"""Messages as they came, written into one MCAP file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from unet_seg_ros.core.errors import ConfigurationError, RecordingError, one_line
from unet_seg_ros.recordings.storage import Compression

# Data End without a checksum, Footer without a summary, magic (mcap.dev/spec): what readers need
# at least behind the last chunk.
_PLAIN_END = b''.join(
    (
        b'\x0f' + (4).to_bytes(8, 'little') + bytes(4),
        b'\x02' + (20).to_bytes(8, 'little') + bytes(20),
        b'\x89MCAP0\r\n',
    )
)


@dataclass(frozen=True)
class Topic:
    """
    A topic of a recording.

    Attributes
    ----------
    name : str
        Its whole name.
    kind : str
        Its type, such as ``sensor_msgs/msg/Image``.
    definition : str
        The type's .msg text and those of all types in it, as bags carry them.

    """

    name: str
    kind: str
    definition: str


@dataclass(frozen=True)
class Message:
    """
    A message as it came.

    Attributes
    ----------
    topic : Topic
        Where it came.
    data : bytes
        It in CDR, with the encapsulation header.
    received_ns, sent_ns : int
        When, on the system's clock [ns].

    """

    topic: Topic
    data: bytes
    received_ns: int
    sent_ns: int


class McapWriter:
    """
    Writes an MCAP file with the profile of ROS 2, which rosbag2 and Foxglove open as it is.

    Chunks are written when they are full, each with an end behind it that the next one overwrites;
    so a file whose process was killed can be read. The index comes at the end. QoS profiles are
    left out: their form differs between releases, and without them rosbag2 plays with its default.

    Parameters
    ----------
    path : Path
        The file; there must be none yet.
    compression : {'none', 'lz4', 'zstd'}, optional
        Of the chunks.

    Raises
    ------
    ConfigurationError
        If the file is there already, or cannot be made.
    RecordingError
        As `write` does.

    """

    def __init__(self, path: Path, compression: Compression = 'none') -> None:
        """Make the file."""
        self._path = path
        try:
            self._file = path.open('xb')
        except FileExistsError:
            raise ConfigurationError(f'{path}: is there already; give another name') from None
        except OSError as e:
            raise ConfigurationError(f'{path}: cannot be written: {e.strerror}') from e
        # Any, because mcap is typed in part.
        self._writer: Any = Writer(self._file, compression=CompressionType[compression.upper()])
        self._schemas: dict[str, int] = {}
        self._channels: dict[Topic, int] = {}
        self._num_whole = 0
        with self._ended_if_refused():
            self._writer.start('ros2')
            self._end_for_now()

    def write(self, message: Message) -> None:
        """
        Write a message.

        Raises
        ------
        RecordingError
            If the disk is full, or the system refuses otherwise. The file is then closed, and
            whole up to there but for its index.

        """
        with self._ended_if_refused():
            channel = self._channel(message.topic)
            self._writer.add_message(channel, message.received_ns, message.data, message.sent_ns)
            self._end_for_now()

    def close(self) -> None:
        """
        Write the index and close the file.

        Raises
        ------
        RecordingError
            As `write` does.

        """
        with self._ended_if_refused():
            self._writer.finish()
            self._file.close()

    def discard(self) -> None:
        """Close the file and remove it."""
        self._file.close()
        self._path.unlink()

    def _channel(self, topic: Topic) -> int:
        if topic not in self._channels:
            if topic.kind not in self._schemas:
                self._schemas[topic.kind] = self._writer.register_schema(
                    topic.kind, 'ros2msg', topic.definition.encode()
                )
            self._channels[topic] = self._writer.register_channel(
                topic.name, 'cdr', self._schemas[topic.kind]
            )
        return self._channels[topic]

    @contextmanager
    def _ended_if_refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            reason = e.strerror or one_line(e)
            raise RecordingError(f'{self._path}: {reason}; {self._end_early()}') from e

    def _end_for_now(self) -> None:
        num_whole = self._file.tell()
        if num_whole != self._num_whole:
            self._file.write(_PLAIN_END)
            self._file.seek(num_whole)  # It flushes, too.
            self._num_whole = num_whole

    def _end_early(self) -> str:
        with suppress(OSError):
            self._file.close()  # It tries to write what it still has.
        try:
            with self._path.open('r+b') as file:
                file.truncate(self._num_whole)
                file.seek(self._num_whole)
                file.write(_PLAIN_END)
        except OSError:
            return 'what came before lies in it without an end, which `mcap recover` adds'
        return 'what came before lies in it without an index, which `mcap recover` adds'
