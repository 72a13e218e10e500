"""Whose choice of shared memory holds: the user's where there is one."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy', reason='no ROS')

from unet_seg_ros.core.resources import shared_file
from unet_seg_ros.ros import shared_memory
from unet_seg_ros.ros.shared_memory import prepare

OLD, NEW = 'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in (OLD, NEW, 'RMW_IMPLEMENTATION', 'FASTDDS_BUILTIN_TRANSPORTS'):
        # Set first, so that what `prepare` sets is taken back.
        monkeypatch.setenv(name, '')
    return monkeypatch


@pytest.fixture(params=['7.1.9', '9.1.0'])
def own_variable(request, monkeypatch) -> str:
    monkeypatch.setattr(shared_memory, 'version', lambda package: request.param)
    return OLD if request.param.startswith('7') else NEW


def test_without_a_choice_it_is_ours(own_variable, environment):
    assert prepare() is None
    assert shared_memory.os.environ[own_variable] == str(
        shared_file('config', 'fastdds_profile.xml')
    )
    assert prepare() is None


def test_a_profile_of_the_users_is_kept(own_variable, environment):
    environment.setenv(own_variable, '/mine.xml')
    assert prepare() == f'{own_variable} is set to /mine.xml: that Fast DDS profile is kept'


def test_a_copy_of_ours_is_no_choice_of_the_users(own_variable, environment, tmp_path):
    copy = tmp_path / 'copy.xml'
    copy.write_bytes(shared_file('config', 'fastdds_profile.xml').read_bytes())
    environment.setenv(own_variable, str(copy))
    assert prepare() is None
    assert shared_memory.os.environ[own_variable] == str(copy)


def test_a_variable_that_this_fast_dds_does_not_read_is_no_choice(own_variable, environment):
    environment.setenv(NEW if own_variable == OLD else OLD, '/mine.xml')
    assert prepare() is None


def test_other_transports_and_another_rmw_are_kept(own_variable, environment):
    environment.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
    assert 'its transports are kept' in prepare()
    environment.setenv('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp')
    assert prepare().startswith('rmw_cyclonedds_cpp is in use')
