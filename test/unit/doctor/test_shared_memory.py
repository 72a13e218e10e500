"""Segments of living and of dead processes, in a folder made for the test."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

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
    is_fast_dds,
    num_to_start,
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
    assert check_leftovers([living], 64_000_000).level is Level.OK
    finding = check_leftovers([living, dead, dead], 39_000_000)
    assert finding.level is Level.WARN
    assert 'left 2 segments of 4.0 MB together' in finding.what
    # They do no harm where there is room.
    assert check_leftovers([living, dead, dead], 41_000_000).level is Level.OK


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
    finding = check_publisher(
        'camera front', segments, publisher, image_bytes, Path('/share/profile.xml')
    )
    assert finding.level is level
    if level is Level.FAIL:
        assert 'FASTRTPS_DEFAULT_PROFILES_FILE=/share/profile.xml' in finding.remedy


@pytest.mark.parametrize(
    ('free_bytes', 'num_more', 'level'),
    [
        # A container's 64 MB with a node and a camera in it, with a camera, with neither.
        (30_000_000, 0, Level.OK),
        (0, 0, Level.OK),
        (17_000_000, 1, Level.OK),
        (16_000_000, 1, Level.FAIL),
        (33_000_000, 2, Level.FAIL),
    ],
)
def test_space(free_bytes, num_more, level):
    finding = check_space(64_000_000, free_bytes, 17_000_000, num_more)
    assert finding.level is level
    assert finding.what.startswith(f'/dev/shm has {free_bytes / 1e6:.1f} MB of 64.0 MB free')


@pytest.mark.parametrize(
    ('num_large', 'is_running', 'num'),
    [(0, False, 2), (1, False, 1), (3, False, 1), (1, True, 1), (2, True, 0), (3, True, 0)],
)
def test_the_node_and_a_driver_are_to_start(num_large, is_running, num):
    others = [Segment(549_408, False, 5), Segment(17_000_000, True, None)]
    segments = [Segment(17_000_000, False, 10 + i) for i in range(num_large)] + others
    assert num_to_start(segments, 16_777_216, is_running) == num


OURS = shared_file('config', 'fastdds_profile.xml')


def test_the_nodes_own_profile():
    assert segment_bytes(OURS.read_text()) == 16 << 20
    assert segment_bytes('<dds/>') == 0
    finding = check_profile('', OURS, {})
    assert (finding.level, '16.8 MB' in finding.what) == (Level.OK, True)


@pytest.mark.parametrize(
    ('text', 'level', 'told'),
    [
        (None, Level.FAIL, 'cannot be read: No such file'),
        ('<dds', Level.FAIL, 'is no XML'),
        ('<dds/>', Level.WARN, 'sets no segment_size'),
        ('<dds><segment_size>1048576</segment_size></dds>', Level.WARN, 'segment_size to 1.0 MB'),
        ('<dds><segment_size>16777216</segment_size></dds>', Level.OK, '16.8 MB'),
    ],
)
@pytest.mark.parametrize(
    'name', ['FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE']
)
def test_a_users_profile_is_read(name, text, level, told, tmp_path):
    path = tmp_path / 'mine.xml'
    if text is not None:
        path.write_text(text)
    finding = check_profile('is kept', OURS, {name: str(path)})
    assert finding.level is level
    assert told in finding.what
    if level is not Level.OK:
        assert finding.remedy == f'unset {name}, or take the transports of {OURS}'


def test_what_else_may_be_chosen():
    transports = {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
    assert check_profile('is set', OURS, transports).level is Level.WARN
    assert is_fast_dds({'RMW_IMPLEMENTATION': ''})
    other = {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}
    assert check_profile('is in use', OURS, other).level is Level.SKIP
