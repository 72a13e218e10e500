"""The images and labels of a rosbag2, paired by their stamps."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt
from rosbags.highlevel import AnyReader

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.errors import FrameError, RecordingError
from unet_seg_ros.core.pixels import LABEL_ENCODINGS
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.bag import (
    COMPRESSED_TYPE,
    NS_PER_S,
    decompressed,
    image_connections,
    image_topics,
    opened,
    raw_frame,
    reading,
    stamp_ns,
)
from unet_seg_ros.recordings.labels import LabelForm
from unet_seg_ros.recordings.pairing import pair_stamps, within_a_step
from unet_seg_ros.recordings.recording import ReadOptions, SourceRecording
from unet_seg_ros.recordings.sequences import Place, drives
from unet_seg_ros.recordings.topics import choose_topics

_JPEG_BEGIN = b'\xff\xd8'


class _Message(NamedTuple):
    """
    Where a message is found: the `turn`-th of those of its topic recorded at `recorded_ns`.

    The clock of a simulation begins anew with each world; `run` counts those, so that nothing
    pairs across them.
    """

    run: int
    stamp_ns: int
    recorded_ns: int
    turn: int

    @property
    def name(self) -> str:
        """The stamp in seconds, and the run where it is not the first."""
        seconds, rest = divmod(self.stamp_ns, NS_PER_S)
        return f'{seconds}.{rest:09}' + (f'#{self.run}' if self.run else '')


class LabelledBag(SourceRecording):
    """
    Images of a bag with the tags of their pixels.

    The bag is opened for each frame, unless it is `kept_open`; so any process may read it.

    Parameters
    ----------
    path : Path
        The bag's folder, or its .mcap or .db3 file.
    tags : ClassTable
        The tags of its labels.
    form : LabelForm, optional
        The form of its labels.
    options : ReadOptions, optional
        How else it is read.

    Raises
    ------
    RecordingError
        If it is damaged, its topics cannot be told, or no image has labels.

    """

    kind = 'rosbag2'

    def __init__(
        self,
        path: Path,
        tags: ClassTable,
        form: LabelForm = 'auto',
        options: ReadOptions | None = None,
    ) -> None:
        """Read all stamps and pair them."""
        super().__init__(path, tags, form, options or ReadOptions())
        self._reader: AnyReader | None = None
        topics = [topic for topic, count in image_topics(path).items() if count]
        try:
            self._image_topic, self._label_topic = choose_topics(
                topics, self.options.images, self.options.labels
            )
        except RecordingError as e:
            raise RecordingError(f'bag {path}: {e}') from e
        self.topics = {'images': self._image_topic, 'labels': self._label_topic}
        with self.kept_open():
            found = self._messages()
        images, labels = found[self._image_topic], found[self._label_topic]
        self._pairs = _paired(images, labels, round(self.options.tolerance_s * NS_PER_S))
        if not self._pairs:
            raise RecordingError(
                f'bag {path}: no image on {self._image_topic} has labels on {self._label_topic} '
                f'within {self.options.tolerance_s} s; were both stamped by one clock?'
            )
        self.names = [image.name for image, _ in self._pairs]
        places = [Place(str(i.run), i.stamp_ns / NS_PER_S) for i, _ in self._pairs]
        self.sequences = drives(self.names, places)
        used_images, used_labels = (set(column) for column in zip(*self._pairs, strict=True))
        self.unpaired_images = [m.name for m in images if m not in used_images]
        self.unpaired_labels = [m.name for m in labels if m not in used_labels]

    def read(self, index: int) -> tuple[ByteArray, npt.NDArray[Any]]:
        """Read both messages; see `SourceRecording`."""
        if self._reader is None:
            with self.kept_open():
                return self.read(index)
        image, label = self._pairs[index]
        return self._image(image), self._label(label)

    def label_name(self, index: int) -> str:
        """Return the labels' topic and stamp."""
        return self._where(self._label_topic, self._pairs[index][1])

    def files(self) -> Iterator[Path]:
        """Iterate over the bag's files."""
        files = self.path.iterdir() if self.path.is_dir() else [self.path]
        return (f for f in files if f.is_file())

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep the bag open within, so that many frames are read faster; not to be forked in."""
        with ExitStack() as stack:
            # What goes wrong within is no damage of the bag.
            with reading(self.path):
                self._reader = stack.enter_context(opened(self.path))
            try:
                yield
            finally:
                self._reader = None

    def _messages(self) -> dict[str, list[_Message]]:
        found: dict[str, list[_Message]] = {topic: [] for topic in self.topics.values()}
        turns: Counter[tuple[str, int]] = Counter()
        with reading(self.path):
            for topic, message, recorded_ns, _ in self._read(*found):
                stamp = stamp_ns(message, recorded_ns)
                turn = turns[topic, recorded_ns]
                turns[topic, recorded_ns] += 1
                found[topic].append(_Message(0, stamp, recorded_ns, turn))
        images = sorted(_counted(found[self._image_topic]))
        return {
            self._image_topic: images,
            self._label_topic: sorted(_placed(found[self._label_topic], images)),
        }

    def _read(
        self, *topics: str, at_ns: int | None = None
    ) -> Iterator[tuple[str, Any, int, bool]]:
        """Iterate over messages: topic, message, time of recording [ns], whether compressed."""
        reader = cast(AnyReader, self._reader)
        connections = [c for c in image_connections(reader) if c.topic in topics]
        stop_ns = None if at_ns is None else at_ns + 1
        found = reader.messages(connections=connections, start=at_ns, stop=stop_ns)
        for connection, recorded_ns, data in found:
            message = reader.deserialize(data, connection.msgtype)
            is_compressed = connection.msgtype == COMPRESSED_TYPE
            yield connection.topic, message, recorded_ns, is_compressed

    def _message(self, topic: str, place: _Message) -> tuple[Any, bool]:
        with reading(self.path):
            found = self._read(topic, at_ns=place.recorded_ns)
            _, message, _, is_compressed = next(itertools.islice(found, place.turn, None))
        return message, is_compressed

    def _image(self, place: _Message) -> ByteArray:
        message, is_compressed = self._message(self._image_topic, place)
        try:
            pixels = (decompressed(message) if is_compressed else raw_frame(message)).bgr()
        except FrameError as e:
            raise RecordingError(f'{self._where(self._image_topic, place)}: {e}') from e
        # The message's own bytes cannot be written.
        return np.array(pixels)

    def _label(self, place: _Message) -> npt.NDArray[Any]:
        message, is_compressed = self._message(self._label_topic, place)
        where = self._where(self._label_topic, place)
        if is_compressed:
            if message.data[:2].tobytes() == _JPEG_BEGIN:
                raise RecordingError(
                    f'{where}: labels went through JPEG, which changes ids and colours; record '
                    'them raw or as PNG'
                )
            label = None
            if message.data.size:
                label = cv2.imdecode(message.data, cv2.IMREAD_UNCHANGED)
            if label is None:
                raise RecordingError(f'{where}: cannot be decoded')
            return label
        frame = raw_frame(message)
        if frame.encoding not in LABEL_ENCODINGS:
            raise RecordingError(
                f'{where}: encoding {message.encoding!r} holds no labels; record them as one of '
                f'{", ".join(LABEL_ENCODINGS)}'
            )
        try:
            pixels = frame.pixels() if frame.encoding == 'mono8' else frame.bgr()
        except FrameError as e:
            raise RecordingError(f'{where}: {e}') from e
        return np.array(pixels)

    def _where(self, topic: str, place: _Message) -> str:
        return f'bag {self.path}: {topic} at {place.name}'


def _counted(images: Iterable[_Message]) -> Iterator[_Message]:
    """Count the runs of images, which come in the order of recording."""
    run = last_ns = 0
    for image in images:
        # What is sent at once may be swapped on the way, but not by so much.
        run += image.stamp_ns < last_ns - NS_PER_S
        last_ns = image.stamp_ns
        yield image._replace(run=run)


def _placed(labels: Iterable[_Message], images: Sequence[_Message]) -> Iterator[_Message]:
    """
    Tell in which of the images' runs labels were made.

    Labels may lag by seconds, or be missing for a whole run. So the run is taken in which the
    image with the nearest stamp was recorded at the nearest time.
    """
    runs = [list(found) for _, found in itertools.groupby(images, lambda image: image.run)]
    for label in labels:
        nearest = (_nearest(label.stamp_ns, run) for run in runs)
        best = min(
            nearest, key=lambda image: abs(image.recorded_ns - label.recorded_ns), default=label
        )
        yield label._replace(run=best.run)


def _nearest(stamp_ns: int, images: Sequence[_Message]) -> _Message:
    after = bisect_left(images, stamp_ns, key=lambda image: image.stamp_ns)
    around = images[max(after - 1, 0) : after + 1]
    return min(around, key=lambda image: abs(image.stamp_ns - stamp_ns))


def _paired(
    images: Sequence[_Message], labels: Sequence[_Message], tolerance_ns: int
) -> list[tuple[_Message, _Message]]:
    pairs = []
    for run in sorted({m.run for m in images}):
        a = [m for m in images if m.run == run]
        b = [m for m in labels if m.run == run]
        stamps = [m.stamp_ns for m in a], [m.stamp_ns for m in b]
        tolerance = within_a_step(stamps[0], tolerance_ns)
        pairs += [(a[i], b[j]) for i, j in pair_stamps(*stamps, tolerance)]
    return pairs
