"""Fixtures of the tests that run ROS 2: a domain of their own, nothing beyond this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.stage import Stage
from support.verbs import Verbs

from unet_seg_ros.demo.domain import own_domain


@pytest.fixture
def ros_domain(monkeypatch) -> Iterator[int]:
    """Return a ROS domain that this test has to itself; set for it and its children."""
    with own_domain() as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        yield domain


@pytest.fixture
def stage(ros_domain) -> Iterator[Stage]:
    stage = Stage(ros_domain)
    yield stage
    stage.close()


@pytest.fixture
def verbs(ros_domain) -> Iterator[Verbs]:
    """Return what starts verbs of ours in this domain; they are ended with the test."""
    verbs = Verbs()
    yield verbs
    verbs.end()
