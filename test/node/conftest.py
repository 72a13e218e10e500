"""Fixtures of the tests that run ROS 2: a domain of their own, nothing beyond this machine."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
from support.stage import Stage
from support.verbs import Verbs

# All numbers in turn: nodes that were killed, which the graph shows for 20 s more, are forgotten
# before a domain's next turn. Each run begins elsewhere: two on one machine seldom meet.
_DOMAINS = ((os.getpid() * 7 + i) % 100 + 1 for i in itertools.count())


@pytest.fixture
def ros_domain(monkeypatch) -> int:
    """Return a ROS domain that this test has to itself; set for it and its children."""
    domain = next(_DOMAINS)
    monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    return domain


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
