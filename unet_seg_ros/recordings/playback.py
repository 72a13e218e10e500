"""Recordings as they are played: frames with the time at which each is due, from any place on."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Protocol

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.folder import LabelledFolder, list_images, read_image
from unet_seg_ros.recordings.storage import is_bag

#: The rate of images that carry no times.
FOLDER_RATE_HZ = 20.0

NS_PER_S = 10**9

# Positions that differ by less, as 0.1 s and the third of three frames at 20 Hz, are one.
_SAME_S = 1e-6


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """
    A frame of any recording.

    Attributes
    ----------
    offset_s : float
        Its place: the time since the first frame [s].
    frame : RawFrame
        The pixels.
    stamp_ns : int
        When it was recorded [ns]; 0 if the recording does not tell.
    frame_id : str
        The optical frame; empty if the recording does not tell.
    tags_hw : ndarray or None
        The labels, uint8 [H, W], if asked for.
    camera_info : bytes or None
        The ``sensor_msgs/CameraInfo`` recorded beside it, in CDR; None if there is none.

    """

    offset_s: float
    frame: RawFrame
    stamp_ns: int = 0
    frame_id: str = ''
    tags_hw: ByteArray | None = None
    camera_info: bytes | None = None


class FrameSource(Protocol):
    """Where frames come from."""

    def frames(self, start_s: float) -> Iterator[RecordedFrame]:
        """
        Iterate over the frames from a place on [s].

        Raises
        ------
        RecordingError
            If one cannot be read.

        """
        ...


class FolderSource:
    """
    A folder of images, which lie at even distances.

    Parameters
    ----------
    path : Path
        The folder.
    rate_hz : float
        Images per second.
    label_tags : int, optional
        Number of CARLA tags of the labels to read beside them; None to read no labels.

    Raises
    ------
    RecordingError
        If there is no such folder, no image in it, or an image lacks its labels.

    """

    def __init__(self, path: Path, rate_hz: float, label_tags: int | None = None) -> None:
        """List the images."""
        self._rate_hz = rate_hz
        self._pairs = LabelledFolder(path, CARLA_TAGS[label_tags]) if label_tags else None
        self._images = [] if self._pairs else list_images(path)

    def frames(self, start_s: float) -> Iterator[RecordedFrame]:
        """Iterate over the frames from a place on [s]; see `FrameSource`."""
        num = len(self._pairs or self._images)
        first = math.ceil(max(start_s - _SAME_S, 0.0) * self._rate_hz)
        for index in range(first, num):
            image, tags_hw = (
                self._pairs[index] if self._pairs else (read_image(self._images[index]), None)
            )
            frame = RawFrame.from_bgr(image)
            yield RecordedFrame(index / self._rate_hz, frame, tags_hw=tags_hw)


class BagSource:
    """
    The images of a rosbag2; their places are told by their stamps.

    Parameters
    ----------
    path : Path
        The bag.
    topic : str, optional
        The image topic, if it has several.

    Raises
    ------
    ConfigurationError
        If ``rosbags`` is not installed.

    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """Check that bags can be read; the bag is opened by `frames`."""
        try:
            from unet_seg_ros.recordings.bag import read_images
        except ImportError as e:
            raise ConfigurationError(
                f'bag {path}: reading it needs rosbags ({e}): '
                "pip install 'unet_seg_ros[recordings]'"
            ) from e
        self._read_images = read_images
        self._path, self._topic = path, topic

    def frames(self, start_s: float) -> Iterator[RecordedFrame]:
        """Iterate over the frames from a place on [s]; see `FrameSource`."""
        offset_s, last_ns = 0.0, None
        for image in self._read_images(self._path, self._topic, max(start_s - _SAME_S, 0.0)):
            if last_ns is None:
                offset_s = image.offset_ns / NS_PER_S
            else:
                # Not back in time, should the recording's clock have been set meanwhile.
                offset_s += max(image.offset_ns - last_ns, 0) / NS_PER_S
            last_ns = image.offset_ns
            yield RecordedFrame(
                offset_s,
                image.frame,
                image.stamp_ns,
                image.frame_id,
                camera_info=image.camera_info,
            )


class Tape:
    """
    A place in a recording that goes on, begins again, or is moved.

    Parameters
    ----------
    source : FrameSource
        The recording.
    start_s, duration_s : float
        The part to play [s]; an infinite duration goes to the end.
    loop : bool
        Whether to begin again at the end of the part.

    Attributes
    ----------
    position_s : float
        The place of the frame that `advance` returned last [s].
    step_s : float
        Its distance from the frame before [s]; behind a jump, what was usual before it, gaps
        aside.

    """

    def __init__(self, source: FrameSource, start_s: float, duration_s: float, loop: bool) -> None:
        """Begin at the start; nothing is read yet."""
        self._source, self._loop = source, loop
        self._start_s, self._end_s = start_s, start_s + duration_s
        self.position_s = start_s
        self.step_s = 1 / FOLDER_RATE_HZ
        self._last_steps_s: deque[float] = deque(maxlen=9)
        self._is_after_jump = True
        self._frames = source.frames(start_s)

    def seek(self, position_s: float) -> None:
        """Go to a place [s] of the part; behind its end is its end."""
        self.position_s = max(position_s, self._start_s)
        self._frames = self._source.frames(self.position_s)
        self._is_after_jump = True

    def advance(self) -> RecordedFrame | None:
        """
        Return the next frame; None at the end.

        Raises
        ------
        RecordingError
            If it cannot be read.

        """
        recorded = self._next()
        if recorded is None and self._loop:
            self.seek(self._start_s)
            recorded = self._next()
        if recorded is None:
            return None
        if not self._is_after_jump:
            self.step_s = recorded.offset_s - self.position_s
            if self.step_s > 0:
                self._last_steps_s.append(self.step_s)
        elif self._last_steps_s:
            self.step_s = median_low(self._last_steps_s)
        self.position_s = recorded.offset_s
        self._is_after_jump = False
        return recorded

    def _next(self) -> RecordedFrame | None:
        recorded = next(self._frames, None)
        return recorded if recorded and recorded.offset_s < self._end_s - _SAME_S else None


def open_source(
    path: Path, topic: str | None, rate_hz: float | None, label_tags: int | None
) -> FrameSource:
    """
    Open a recording to play.

    Parameters
    ----------
    path : Path
        A folder of images, or a rosbag2.
    topic : str or None
        The bag's image topic, if it has several.
    rate_hz : float or None
        The rate of a folder's images; None for 20.
    label_tags : int or None
        Number of CARLA tags that a folder's labels use; None to read no labels.

    Raises
    ------
    RecordingError
        If it is a folder that cannot be read.
    ConfigurationError
        If it is a bag, and its labels are asked for or ``rosbags`` is not installed.

    """
    if path.is_dir() and not is_bag(path):
        if topic is not None:
            raise RecordingError(f'{path}: a folder of images has no topics; leave --topic out')
        return FolderSource(path, rate_hz or FOLDER_RATE_HZ, label_tags)
    if label_tags is not None:
        raise ConfigurationError(f'{path}: labels are read from folders of images only')
    return BagSource(path, topic)
