"""The images of a rosbag2, read without ROS."""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import apsw
import cv2
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.rosbag2 import ReaderError
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_typestore

from unet_seg_ros.core.compressed import decode_image
from unet_seg_ros.core.errors import FrameError, RecordingError
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.storage import METADATA, bags_in, is_bag

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

RAW_TYPE = 'sensor_msgs/msg/Image'
COMPRESSED_TYPE = 'sensor_msgs/msg/CompressedImage'
_INFO_TYPE = 'sensor_msgs/msg/CameraInfo'

NS_PER_S = 10**9

# OpenCV's names, which messages may carry: they count channels, which are in its usual order.
_OPENCV_ENCODINGS = {'8UC1': 'mono8', '8UC3': 'bgr8', '8UC4': 'bgra8'}

# What rosbags lets through from a file that is cut off or overwritten, its own errors first.
_DAMAGE = (
    AnyReaderError,
    ReaderError,
    SerdeError,
    TypesysError,
    ZstdError,
    apsw.Error,
    cv2.error,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class BagFrame:
    """
    An image of a bag.

    Attributes
    ----------
    stamp_ns : int
        The header's stamp [ns], or the time of recording where the header has none.
    offset_ns : int
        How much later it is than that of the topic's first image [ns].
    frame_id : str
        The header's frame.
    frame : RawFrame
        The pixels as recorded; those of a compressed image are decoded.
    camera_info : bytes or None
        The ``sensor_msgs/CameraInfo`` recorded beside it, in CDR: the last one before it, or the
        first; None if the bag has none.

    """

    stamp_ns: int
    offset_ns: int
    frame_id: str
    frame: RawFrame
    camera_info: bytes | None


def image_topics(path: Path) -> dict[str, int]:
    """
    Return the image topics of a bag with their numbers of messages, sorted by name.

    Raises
    ------
    RecordingError
        If the path is no bag or the bag is damaged.

    """
    with reading(path), opened(path) as reader:
        counts: dict[str, int] = {}
        for connection in image_connections(reader):
            counts[connection.topic] = counts.get(connection.topic, 0) + connection.msgcount
    return dict(sorted(counts.items()))


def choose_topic(path: Path, topic: str | None = None) -> str:
    """
    Return the image topic to read: the one asked for, or the bag's only one.

    What a segmentation node made of a camera's images is not counted, nor are compressed images
    that lie beside the raw ones.

    Raises
    ------
    RecordingError
        If the bag cannot be read, has no image, has several image topics and none was asked for,
        or lacks the one that was.

    """
    filled = [name for name, count in image_topics(path).items() if count]
    if not filled:
        raise RecordingError(f'bag {path}: holds no sensor_msgs images')
    if topic is not None and topic not in filled:
        raise RecordingError(f'bag {path}: no images on {topic}; there are {", ".join(filled)}')
    cameras = [name for name in filled if _is_of_camera(name, filled)] or filled
    if topic is None and len(cameras) > 1:
        raise RecordingError(f'bag {path}: choose a topic, one of {", ".join(cameras)}')
    return topic or cameras[0]


def read_images(path: Path, topic: str | None = None, start_s: float = 0.0) -> Iterator[BagFrame]:
    """
    Iterate over the images of one topic in the order of recording.

    Parameters
    ----------
    path : Path
        The bag.
    topic : str, optional
        Its image topic, as `choose_topic` takes it.
    start_s : float, optional
        Leave out what was stamped less than this after the topic's first image [s].

    Raises
    ------
    RecordingError
        As `choose_topic` does; and, on the way, where the bag turns out to be damaged or a
        compressed image cannot be decoded.

    """
    chosen = choose_topic(path, topic)
    with reading(path), opened(path) as reader:
        images = [c for c in image_connections(reader) if c.topic == chosen]
        infos = _info_connections(reader, chosen)
        stamps = _Stamps(reader, images)
        start_ns = stamps.recorded_at(round(start_s * NS_PER_S)) if start_s > 0 else None
        info = _first(reader, infos, start_ns)
        for connection, recorded_ns, data in reader.messages([*images, *infos], start=start_ns):
            message = cast(Any, reader.deserialize(data, connection.msgtype))
            if connection.msgtype == _INFO_TYPE:
                info = bytes(data)
                continue
            compressed = connection.msgtype == COMPRESSED_TYPE
            stamp = stamp_ns(message, recorded_ns)
            yield BagFrame(
                stamp_ns=stamp,
                offset_ns=stamp - stamps.first_ns,
                frame_id=message.header.frame_id,
                frame=_decoded(message, path) if compressed else raw_frame(message),
                camera_info=info,
            )


class _Stamps:
    """Finds an image by its stamp, while bags are sorted by the time of recording."""

    def __init__(self, reader: AnyReader, connections: list[Connection]) -> None:
        self._reader, self._connections = reader, connections
        self.first_ns = self._stamp(reader.start_time)

    def recorded_at(self, offset_ns: int) -> int:
        """Return when the first image of an offset to the first, or a greater one, came [ns]."""
        span = range(self._reader.start_time, self._reader.end_time + 1)
        return span.start + bisect_left(span, self.first_ns + offset_ns, key=self._stamp)

    def _stamp(self, recorded_ns: int) -> int:
        """Return the stamp of the first image recorded then or later; the greatest if none was."""
        for connection, moment_ns, data in self._reader.messages(
            self._connections, start=recorded_ns
        ):
            return stamp_ns(self._reader.deserialize(data, connection.msgtype), moment_ns)
        return sys.maxsize


def opened(path: Path) -> AbstractContextManager[AnyReader]:
    """Return the reader of a bag, to be opened under `reading`."""
    # Bags that carry no definitions, as sqlite3 ones before Jazzy, are read with those of Jazzy.
    return AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """
    Turn whatever a damaged bag raises into one line.

    Raises
    ------
    RecordingError
        If the path is no bag, or what is done within fails as it does with a damaged one.

    """
    if not path.exists():
        raise RecordingError(f'bag {path}: not found')
    if not is_bag(path):
        raise RecordingError(
            f'{path}: no rosbag2; give its folder with metadata.yaml, or a .mcap or .db3 file'
        )
    if path.is_dir() and not (path / METADATA).exists():
        files = ', '.join(bag.name for bag in bags_in(path))
        raise RecordingError(f'bag {path}: no {METADATA} in it; give one of its files: {files}')
    try:
        yield
    except _DAMAGE as e:
        reason = ' '.join(str(e).split()) or type(e).__name__
        raise RecordingError(f'bag {path}: damaged, or its recording did not end: {reason}') from e


def image_connections(reader: AnyReader) -> list[Connection]:
    """Return the connections of a bag that carry images."""
    return [c for c in reader.connections if c.msgtype in (RAW_TYPE, COMPRESSED_TYPE)]


def stamp_ns(message: Any, recorded_ns: int) -> int:
    """Return an image message's stamp [ns], or the time of recording where it has none."""
    stamp = message.header.stamp
    return int(stamp.sec * NS_PER_S + stamp.nanosec) or recorded_ns


def raw_frame(message: Any) -> RawFrame:
    """Return the pixels of a ``sensor_msgs/Image``."""
    size = ImageSize(int(message.height), int(message.width))
    encoding = _OPENCV_ENCODINGS.get(message.encoding, message.encoding)
    big = bool(message.is_bigendian)
    return RawFrame(message.data, encoding, size, int(message.step), big)


def decompressed(message: Any) -> RawFrame:
    """
    Return the pixels of a ``sensor_msgs/CompressedImage``.

    Raises
    ------
    FrameError
        If it is no whole JPEG or PNG file.

    """
    return decode_image(message.data.tobytes(), message.format)


def _is_of_camera(topic: str, topics: Collection[str]) -> bool:
    raw = topic.removesuffix('/compressed')
    return '/segmentation/' not in topic and (raw == topic or raw not in topics)


def _info_connections(reader: AnyReader, image_topic: str) -> list[Connection]:
    raw = image_topic.removesuffix('/compressed')
    topic = f'{raw.rpartition("/")[0]}/camera_info'
    return [c for c in reader.connections if c.topic == topic and c.msgtype == _INFO_TYPE]


def _first(reader: AnyReader, connections: list[Connection], start_ns: int | None) -> bytes | None:
    """Return the first message from a time of recording on, or else of all."""
    for start in (start_ns, None) if connections else ():
        for connection, _, data in reader.messages(connections, start=start):
            reader.deserialize(data, connection.msgtype)  # Whether it is damaged.
            return bytes(data)
    return None


def _decoded(message: Any, path: Path) -> RawFrame:
    try:
        return decompressed(message)
    except FrameError as e:
        raise RecordingError(f'bag {path}: {e}') from e
