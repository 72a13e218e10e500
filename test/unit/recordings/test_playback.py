"""Places in a recording: from any second on, in a loop, and moved by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from support.recordings import image, write_bag, write_folder

from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.recordings.playback import BagSource, FolderSource, Tape, open_source

S = 10**9
PICTURES = [np.full((2, 3, 3), i, np.uint8) for i in range(10)]


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / 'images', PICTURES)


def numbers(frames) -> list[int]:
    return [int(f.frame.pixels()[0, 0, 0]) for f in frames]


def tape(folder, start_s=0.0, duration_s=math.inf, loop=False) -> Tape:
    return Tape(FolderSource(folder, 10.0), start_s, duration_s, loop)


def rest(tape: Tape) -> list:
    return list(iter(tape.advance, None))


def bag_of(tmp_path, stamps_s, recorded_s, storage='mcap'):
    return write_bag(
        tmp_path / 'bag',
        storage,
        [
            ('/front', round(recorded * S), image(PICTURES[i], 'bgr8', round(stamp * S)))
            for i, (stamp, recorded) in enumerate(zip(stamps_s, recorded_s, strict=True))
        ],
    )


@pytest.mark.parametrize(('start_s', 'first'), [(0.0, 0), (0.3, 3), (0.31, 4), (0.9, 9)])
def test_a_folder_is_read_from_a_place_on(folder, start_s, first):
    frames = list(FolderSource(folder, 10.0).frames(start_s))
    assert numbers(frames) == list(range(first, 10))
    assert [f.offset_s for f in frames] == [i / 10 for i in range(first, 10)]


@pytest.mark.parametrize(('start_s', 'first'), [(0.0, 0), (0.3, 3), (0.31, 4), (0.9, 9)])
@pytest.mark.parametrize('slowness', [0.5, 1, 7])
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_is_read_from_a_place_by_its_stamps(tmp_path, start_s, first, slowness, storage):
    # Simulated time goes on more slowly, or faster, than the recorder's.
    stamps_s = [20 + i / 10 for i in range(10)]
    bag = bag_of(tmp_path, stamps_s, [500 + i / 10 * slowness for i in range(10)], storage)
    frames = list(BagSource(bag).frames(start_s))
    assert numbers(frames) == list(range(first, 10))
    assert [f.offset_s for f in frames] == pytest.approx([i / 10 for i in range(first, 10)])
    assert [f.stamp_ns for f in frames] == [round(s * S) for s in stamps_s[first:]]


def test_behind_the_end_is_nothing(tmp_path, folder):
    assert not list(FolderSource(folder, 10.0).frames(1.0))
    assert not list(BagSource(bag_of(tmp_path, [1, 2], [1, 2])).frames(1.5))


def test_a_clock_that_was_set_back_costs_no_time(tmp_path):
    bag = bag_of(tmp_path, [20, 20.1, 5, 5.1], [500, 500.1, 500.2, 500.3])
    offsets = [f.offset_s for f in BagSource(bag).frames(0.0)]
    assert offsets == pytest.approx([0, 0.1, 0.1, 0.2])


def test_a_tape_plays_a_part(folder):
    assert numbers(rest(tape(folder, 0.2, 0.3))) == [2, 3, 4]
    assert numbers(rest(tape(folder, 0.8, 5.0))) == [8, 9]
    assert tape(folder, 1.0).advance() is None


def test_a_loop_repeats_the_part_at_an_even_pace(folder):
    looped = tape(folder, 0.2, 0.3, loop=True)
    frames, steps = [], []
    for _ in range(7):
        frames.append(looped.advance())
        steps.append(looped.step_s)
    assert numbers(frames) == [2, 3, 4, 2, 3, 4, 2]
    assert steps[1:] == pytest.approx([0.1] * 6)


def test_a_loop_behind_the_end_ends(folder):
    assert tape(folder, 1.0, loop=True).advance() is None


def test_one_frame_in_a_loop_keeps_a_pace(folder):
    looped = tape(folder, 0.9, loop=True)
    for _ in range(3):
        assert numbers([looped.advance()]) == [9]
        assert looped.step_s == 0.05


def test_a_tape_is_moved(folder):
    moved = tape(folder, 0.2)
    list(itertools.islice(iter(moved.advance, None), 3))
    moved.seek(moved.position_s + 0.4)
    assert numbers([moved.advance()]) == [8]
    assert moved.step_s == pytest.approx(0.1)
    moved.seek(moved.position_s - 5.0)
    assert numbers([moved.advance()]) == [2]  # not before the part
    moved.seek(7.0)
    assert moved.advance() is None


def test_a_jump_behind_a_gap_is_as_long_as_usual(tmp_path):
    bag = bag_of(tmp_path, [5, 5.1, 5.2, 9005, 9005.1], [500, 501, 502, 503, 504])
    moved = Tape(BagSource(bag), 0.0, math.inf, loop=True)
    for _ in range(4):
        moved.advance()
    assert moved.step_s == pytest.approx(8999.8)
    moved.seek(9000.0)
    assert moved.advance().offset_s == pytest.approx(9000)
    assert moved.step_s == pytest.approx(0.1)
    moved.advance()
    assert moved.advance().offset_s == 0
    assert moved.step_s == pytest.approx(0.1)


@pytest.mark.parametrize('rate_hz', [1e-300, 1e7, 1e300])
def test_a_folder_at_an_absurd_rate(folder, rate_hz):
    assert numbers(FolderSource(folder, rate_hz).frames(0.0)) == list(range(10))


def test_the_form_tells_the_source(tmp_path, folder):
    bag = bag_of(tmp_path, [1], [1])
    assert isinstance(open_source(folder, None, None, None), FolderSource)
    assert isinstance(open_source(bag, None, None, None), BagSource)
    with pytest.raises(ConfigurationError, match='labels are read from folders'):
        open_source(bag, None, None, 23)
    with pytest.raises(RecordingError, match='has no topics; leave --topic out'):
        open_source(folder, '/front', None, None)


def test_a_folder_at_another_rate(folder):
    frames = list(open_source(folder, None, 4.0, None).frames(1.0))
    assert [f.offset_s for f in frames] == [i / 4 for i in range(4, 10)]
    assert numbers(frames) == list(range(4, 10))
