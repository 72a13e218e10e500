"""Segments of living and of dead processes, in a folder made for the test."""

from __future__ import annotations

import fcntl
import os

import pytest

from unet_seg_ros.core.finding import Level
from unet_seg_ros.core.resources import shared_file
from unet_seg_ros.doctor.shared_memory import (
    Segment,
    check_leftovers,
    check_profile,
    check_publisher,
    check_space,
    find_segments,
    segment_bytes,
)

LIVING, DEAD = 'fastrtps_0123456789abcdef', 'fastdds_fedcba9876543210'


def make_segment(folder, name: str, num_bytes: int):
    (folder / name).write_bytes(bytes(num_bytes))
    lock = folder / f'{name}_el'
    lock.touch()
    return lock


def test_a_held_lock_tells_the_living_from_the_dead(tmp_path):
    (tmp_path / 'fastrtps_port7411').touch()
    (tmp_path / 'sem.fastrtps_port7411_mutex').touch()
    lock = make_segment(tmp_path, LIVING, 30)
    make_segment(tmp_path, DEAD, 20)
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = find_segments(tmp_path)
    assert sorted(found, key=lambda s: s.num_bytes) == [
        Segment(20, True, None),
        Segment(30, False, os.getpid()),
    ]


def test_looking_does_not_keep_a_lock(tmp_path):
    lock = make_segment(tmp_path, DEAD, 20)
    find_segments(tmp_path)
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_locks_are_not_shown_no_owner_is_claimed(tmp_path):
    lock = make_segment(tmp_path, LIVING, 30)
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert find_segments(tmp_path, tmp_path / 'none') == [Segment(30, False, None)]


def test_leftovers():
    living, dead = Segment(3_000_000, False, 1), Segment(2_000_000, True, None)
    assert check_leftovers([living]).level is Level.OK
    finding = check_leftovers([living, dead, dead])
    assert finding.level is Level.WARN
    assert 'left 2 segments of 4.0 MB together' in finding.what


def gid(pid: int) -> bytes:
    return b'\x01\x0f\x78\xfd' + pid.to_bytes(4, 'little')[:2] + bytes(10)


@pytest.mark.parametrize(
    ('publisher', 'image_bytes', 'level'),
    [
        (gid(70_000), 500_000, Level.OK),
        (gid(70_000), 2_764_800, Level.FAIL),
        (gid(70_001), 500_000, Level.SKIP),
        (b'\x01\x10' + gid(70_000)[2:], 500_000, Level.SKIP),  # Cyclone DDS.
    ],
)
def test_an_image_must_fit_into_its_publishers_segment(publisher, image_bytes, level):
    segments = [Segment(549_408, False, 70_000), Segment(17_000_000, False, 3)]
    assert check_publisher('camera front', segments, publisher, image_bytes).level is level


def test_space():
    assert check_space(64_000_000, 40_000_000, 17_000_000).level is Level.OK
    finding = check_space(64_000_000, 30_000_000, 17_000_000)
    assert finding.level is Level.FAIL
    assert finding.what == '/dev/shm has 30.0 MB of 64.0 MB free, and each process needs 17.0 MB'


def test_whose_profile():
    profile = shared_file('config', 'fastdds_profile.xml')
    assert segment_bytes(profile.read_text()) == 16 << 20
    assert segment_bytes('<dds/>') == 0
    assert '16.8 MB' in check_profile('', profile).what
    assert check_profile('X is set', profile).level is Level.WARN
