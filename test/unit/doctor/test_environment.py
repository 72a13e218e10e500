"""What the variables of ROS say of who sees whom."""

from __future__ import annotations

import pytest

from unet_seg_ros.core.finding import Level
from unet_seg_ros.doctor.environment import check_discovery, check_domain


@pytest.mark.parametrize(
    ('text', 'level'),
    [
        ('0', Level.OK),
        ('101', Level.OK),
        ('102', Level.WARN),
        ('232', Level.WARN),
        ('233', Level.FAIL),
        ('-1', Level.FAIL),
        ('front', Level.FAIL),
        ('\uff17', Level.FAIL),
    ],
)
def test_domain(text, level):
    finding = check_domain({'ROS_DOMAIN_ID': text})
    assert finding.level is level
    assert text in finding.what


@pytest.mark.parametrize('environ', [{}, {'ROS_DOMAIN_ID': ''}])
def test_without_a_domain_it_is_0(environ):
    finding = check_domain(environ)
    assert (finding.level, finding.what[:1]) == (Level.OK, '0')


@pytest.mark.parametrize(
    ('environ', 'level', 'told'),
    [
        ({}, Level.OK, 'SUBNET: '),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, Level.OK, 'this machine only'),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, Level.FAIL, 'no node sees another'),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'localhost'}, Level.FAIL, '=localhost'),
        ({'ROS_LOCALHOST_ONLY': '1'}, Level.WARN, 'overrides'),
        ({'ROS_LOCALHOST_ONLY': '0'}, Level.OK, 'SUBNET: '),
        ({'ROS_STATIC_PEERS': '10.0.0.2'}, Level.OK, 'and 10.0.0.2'),
    ],
)
def test_discovery(environ, level, told):
    finding = check_discovery(environ)
    assert finding.level is level
    assert told in finding.what
