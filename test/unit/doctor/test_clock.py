"""What is said of the clock, by what came on /clock and by stamps."""

from __future__ import annotations

import pytest

from unet_seg_ros.core.finding import Level
from unet_seg_ros.doctor.clock import check_clock, check_stamp


@pytest.mark.parametrize(
    ('use_sim_time', 'num_publishers', 'ticks_s', 'level', 'told'),
    [
        (False, 0, [], Level.OK, "the system's"),
        (False, 1, [1.0, 2.0], Level.WARN, 'the node runs on system time'),
        (True, 0, [], Level.FAIL, 'nobody publishes /clock'),
        (True, 2, [1.0, 2.0], Level.FAIL, '2 nodes publish /clock'),
        (True, 1, [], Level.WARN, 'sent nothing for 3 s'),
        (True, 1, [5.0, 5.0], Level.WARN, 'stands still for 3 s'),
        (True, 1, [5.0, 6.0, 1.0], Level.WARN, 'jumps back'),
        (True, 1, [5.0, 6.0, 6.5], Level.OK, 'runs at 0.50 of real time'),
    ],
)
def test_clock(use_sim_time, num_publishers, ticks_s, level, told):
    finding = check_clock(use_sim_time, num_publishers, ticks_s, 3.0)
    assert finding.level is level
    assert told in finding.what


@pytest.mark.parametrize(
    ('age_s', 'use_sim_time', 'level', 'told'),
    [
        (0.03, False, Level.OK, '30 ms old'),
        (-0.2, False, Level.OK, ' 0 ms old'),
        (5.1, False, Level.FAIL, "5.1 s behind the node's clock: set the clocks of both machines"),
        (-0.6, False, Level.FAIL, '0.6 s ahead of'),
        (7200, True, Level.FAIL, "7200.0 s behind the node's clock: let its images and /clock"),
        # Simulated stamps, or none at all.
        (1.7e9, False, Level.FAIL, "54 years behind the node's clock: set use_sim_time where"),
        # The driver on system time.
        (-1.7e9, True, Level.FAIL, "54 years ahead of the node's clock: set use_sim_time for its"),
    ],
)
def test_stamp(age_s, use_sim_time, level, told):
    finding = check_stamp('camera front', age_s, use_sim_time)
    assert finding.level is level
    assert told in str(finding)
