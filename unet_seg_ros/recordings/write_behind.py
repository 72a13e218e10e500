"""A thread that writes what others hand over, so that they never wait for the disk."""

from __future__ import annotations

from collections import Counter, deque
from threading import Condition, Thread

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.mcap_writer import McapWriter, Message

#: What may wait to be written [bytes]: half a second of three cameras of 1280x720 at 30 Hz.
MAX_WAITING = 128 << 20


class WriteBehind:
    """
    Writes in a thread of its own; what would overfill its queue is dropped and counted.

    Parameters
    ----------
    writer : McapWriter
        Used by that thread alone until `close` has returned.
    max_waiting : int, optional
        What may wait to be written [bytes].

    Attributes
    ----------
    num_written, num_dropped : Counter of str
        Messages of each topic, by its name.
    error : RecordingError or None
        Why nothing is written any more.

    """

    def __init__(self, writer: McapWriter, max_waiting: int = MAX_WAITING) -> None:
        """Start the thread."""
        self.num_written: Counter[str] = Counter()
        self.num_dropped: Counter[str] = Counter()
        self.error: RecordingError | None = None
        self._writer, self._max_waiting = writer, max_waiting
        self._queue: deque[Message] = deque()
        self._num_waiting = 0
        self._changed = Condition()
        self._is_closed = False
        self._thread = Thread(target=self._write, name='recording')
        self._thread.start()

    def put(self, message: Message) -> bool:
        """Hand a message over; return whether it was taken."""
        with self._changed:
            if self._num_waiting + len(message.data) > self._max_waiting or self.error:
                self.num_dropped[message.topic.name] += 1
                return False
            self._num_waiting += len(message.data)
            self._queue.append(message)
            self._changed.notify()
        return True

    def close(self) -> None:
        """
        Wait until all is written, and close the file; one without a message is removed.

        Raises
        ------
        RecordingError
            If not all could be written.

        """
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()
        if self.error:
            raise self.error
        if self.num_written:
            self._writer.close()
        else:
            self._writer.discard()

    def _write(self) -> None:
        while (message := self._take()) is not None:
            try:
                self._writer.write(message)
            except RecordingError as e:
                self.error = e
                return
            self.num_written[message.topic.name] += 1

    def _take(self) -> Message | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            if not self._queue:
                return None
            message = self._queue.popleft()
            self._num_waiting -= len(message.data)
            return message
