"""The writing thread: nothing waits for it, and what it cannot take is counted."""

from __future__ import annotations

import threading

import pytest
from rosbags.highlevel import AnyReader
from support.waiting import wait_until

from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.mcap_writer import McapWriter, Message, Topic
from unet_seg_ros.recordings.write_behind import WriteBehind

CHATTER = Topic('/chatter', 'std_msgs/msg/String', 'string data\n')


def message(size: int = 100) -> Message:
    return Message(CHATTER, bytes(size), 1, 1)


class SlowDisk(McapWriter):
    """A writer whose disk takes nothing until it is let go."""

    def __init__(self, path) -> None:
        super().__init__(path)
        self.is_asked, self.may_go = threading.Event(), threading.Event()

    def write(self, message: Message) -> None:
        self.is_asked.set()
        assert self.may_go.wait(10)
        super().write(message)


class FullDisk(McapWriter):
    """A writer whose disk is full."""

    def write(self, message: Message) -> None:
        self.discard()
        raise RecordingError('no space')


def test_all_that_was_taken_is_written_at_the_end(tmp_path):
    path = tmp_path / 'run.mcap'
    behind = WriteBehind(McapWriter(path))
    assert all(behind.put(message()) for _ in range(500))
    behind.close()
    assert behind.num_written == {'/chatter': 500}
    with AnyReader([path]) as reader:
        assert reader.message_count == 500


def test_a_slow_disk_makes_nobody_wait(tmp_path):
    disk = SlowDisk(tmp_path / 'run.mcap')
    behind = WriteBehind(disk, max_waiting=1000)
    behind.put(message())
    assert disk.is_asked.wait(10)
    # One is with the disk; ten fill the queue.
    assert [behind.put(message()) for _ in range(13)] == [True] * 10 + [False] * 3
    assert behind.num_dropped == {'/chatter': 3}
    disk.may_go.set()
    wait_until(lambda: behind.num_written['/chatter'] == 11)
    assert behind.put(message())
    behind.close()
    assert (behind.num_written['/chatter'], behind.num_dropped['/chatter']) == (12, 3)


def test_a_full_disk_is_told_at_the_end(tmp_path):
    behind = WriteBehind(FullDisk(tmp_path / 'run.mcap'))
    behind.put(message())
    wait_until(lambda: behind.error)
    assert not behind.put(message())
    with pytest.raises(RecordingError, match='no space'):
        behind.close()


def test_without_a_message_there_is_no_file(tmp_path):
    behind = WriteBehind(McapWriter(tmp_path / 'run.mcap'))
    behind.close()
    assert list(tmp_path.iterdir()) == []
