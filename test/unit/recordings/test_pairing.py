from __future__ import annotations

from unet_seg_ros.recordings.pairing import pair_stamps, within_a_step


def test_equal_stamps_pair():
    assert pair_stamps([10, 20, 30], [10, 30, 40], 0) == [(0, 0), (2, 1)]


def test_the_tolerance_is_the_last_that_pairs():
    assert pair_stamps([100], [125], 25) == [(0, 0)]
    assert pair_stamps([100], [126], 25) == []


def test_the_nearest_wins():
    assert pair_stamps([100, 110], [108], 25) == [(1, 0)]
    assert pair_stamps([108], [100, 110], 25) == [(0, 1)]


def test_each_is_used_once():
    assert pair_stamps([100, 101], [99, 102], 25) == [(0, 0), (1, 1)]
    assert pair_stamps([100, 100], [100, 100], 0) == [(0, 0), (1, 1)]


def test_the_tolerance_stays_below_half_the_usual_step():
    assert within_a_step([0, 10, 20, 50, 60], 25) == 4
    assert within_a_step([0, 10, 20, 50, 60], 3) == 3
    assert within_a_step([0, 11, 11, 22], 25) == 5
    assert within_a_step([7, 7], 25) == within_a_step([], 25) == 25


def test_none_gives_none():
    assert pair_stamps([], [1], 5) == pair_stamps([1], [], 5) == []
