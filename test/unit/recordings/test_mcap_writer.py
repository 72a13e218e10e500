"""MCAP files, read back by two readers that know nothing of each other."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
from support.recordings import IMAGE, image, noise, text

from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.recordings.bag import read_images
from unet_seg_ros.recordings.mcap_writer import McapWriter, Message, Topic
from unet_seg_ros.recordings.storage import COMPRESSIONS, Compression

S = 10**9
TYPES = get_typestore(Stores.ROS2_JAZZY)
STRING = 'std_msgs/msg/String'


def topic(name: str, kind: str) -> Topic:
    return Topic(name, kind, TYPES.generate_msgdef(kind, ros_version=2)[0])


FRONT, REAR, CHATTER = topic('/front', IMAGE), topic('/rear', IMAGE), topic('/chatter', STRING)


def message(on: Topic, value, received_ns: int) -> Message:
    data = bytes(TYPES.serialize_cdr(value, on.kind))
    return Message(on, data, received_ns, received_ns - 5)


def drive(num: int, height: int = 6) -> list[Message]:
    messages = []
    for i in range(num):
        messages += [
            message(FRONT, image(noise(height, 50, 3, seed=i), 'bgr8', 7 * S + i), 100 * S + i),
            message(REAR, image(noise(4, 50, seed=i), 'mono8', 7 * S + i), 100 * S + i),
            message(CHATTER, text(f'hello {i}'), 100 * S + i),
        ]
    return messages


def write(
    path: Path,
    messages: Iterable[Message],
    taken: list[Message],
    compression: Compression = 'none',
) -> None:
    writer = McapWriter(path, compression)
    for each in messages:
        writer.write(each)
        taken.append(each)
    writer.close()


def by_rosbags(path: Path) -> list[tuple]:
    with AnyReader([path]) as reader:
        return [(c.topic, t, bytes(data)) for c, t, data in reader.messages()]


def by_mcap(path: Path) -> list[tuple]:
    with path.open('rb') as file:
        found = make_reader(file).iter_messages()
        return [(channel.topic, m.log_time, m.data) for _, channel, m in found]


@pytest.mark.parametrize('compression', COMPRESSIONS)
def test_both_readers_find_what_was_written(tmp_path, compression):
    path, messages = tmp_path / 'run.mcap', drive(5)
    write(path, messages, [], compression)
    written = sorted((m.topic.name, m.received_ns, m.data) for m in messages)
    assert sorted(by_rosbags(path)) == written
    assert sorted(by_mcap(path)) == written


def test_the_definitions_in_it_are_enough_to_decode_it(tmp_path):
    path = tmp_path / 'run.mcap'
    write(path, drive(1), [])
    with path.open('rb') as file:
        found = make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages()
        decoded = {channel.topic: (m, value) for _, channel, m, value in found}
    record, front = decoded['/front']
    assert (record.log_time, record.publish_time) == (100 * S, 100 * S - 5)
    assert (front.header.frame_id, front.header.stamp.sec) == ('front_optical', 7)
    np.testing.assert_array_equal(
        np.frombuffer(front.data, np.uint8).reshape(6, 50, 3), noise(6, 50, 3, seed=0)
    )
    assert decoded['/chatter'][1].data == 'hello 0'


def test_it_has_an_index(tmp_path):
    path = tmp_path / 'run.mcap'
    write(path, drive(3), [])
    with path.open('rb') as file:
        summary = make_reader(file).get_summary()
    assert summary.chunk_indexes
    counts = {
        summary.channels[k].topic: n for k, n in summary.statistics.channel_message_counts.items()
    }
    assert counts == {'/front': 3, '/rear': 3, '/chatter': 3}


def test_a_file_that_is_there_is_kept(tmp_path):
    path = tmp_path / 'run.mcap'
    path.write_text('precious')
    with pytest.raises(ConfigurationError, match=r'is there already; give another name$'):
        McapWriter(path)
    assert path.read_text() == 'precious'


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match='cannot be written: No such file'):
        McapWriter(tmp_path / 'nowhere' / 'run.mcap')


@pytest.mark.parametrize('compression', COMPRESSIONS)
def test_what_was_written_can_be_read_before_its_end(tmp_path, compression):
    path, messages = tmp_path / 'run.mcap', drive(4, height=7000)
    writer = McapWriter(path, compression)
    assert by_mcap(path) == []
    # 1 MB each: a chunk ends with every image of the front camera.
    for num, each in enumerate(messages, 1):
        writer.write(each)
        num_whole = (num - 1) // 3 * 3 + 1
        written = sorted((m.topic.name, m.received_ns, m.data) for m in messages[:num_whole])
        assert sorted(by_rosbags(path)) == written
        assert sorted(by_mcap(path)) == written
    writer.close()
    assert len(by_mcap(path)) == len(messages)


@contextmanager
def small_disk(num_bytes: int):
    """Let no file grow beyond that; not while pytest reports, perhaps into a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize('limit', [2_500_000, 3_200_123])
def test_on_a_full_disk_what_came_before_can_be_read(tmp_path, limit):
    # 0.9 MB each: a chunk ends with every second.
    path, messages = tmp_path / 'run.mcap', drive(8, height=6000)[::3]
    taken: list[Message] = []
    with small_disk(limit), pytest.raises(RecordingError) as raised:
        write(path, messages, taken)
    assert str(raised.value) == (
        f'{path}: File too large; what came before lies in it without an index, which '
        '`mcap recover` adds'
    )
    num_whole = len(taken) // 2 * 2
    assert num_whole >= 2
    kept = [(m.topic.name, m.received_ns, m.data) for m in messages[:num_whole]]
    assert by_rosbags(path) == kept
    assert by_mcap(path) == kept
    assert len(list(read_images(path))) == num_whole


def test_a_disk_that_is_full_for_the_index_is_told(tmp_path):
    path = tmp_path / 'run.mcap'
    writer = McapWriter(path)
    for each in drive(3, height=6000)[::3]:
        writer.write(each)
    with small_disk(path.stat().st_size + 100), pytest.raises(RecordingError, match='index'):
        writer.close()
    assert len(by_rosbags(path)) == 2


def test_what_was_discarded_is_gone(tmp_path):
    writer = McapWriter(tmp_path / 'run.mcap')
    writer.discard()
    assert list(tmp_path.iterdir()) == []
