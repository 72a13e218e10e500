"""A ROS domain to oneself: neither held by others nor listened in."""

import itertools
import socket

import pytest

from unet_seg_ros.demo import domain as domains
from unet_seg_ros.demo.domain import DomainError, own_domain


def test_one_that_is_held_is_given_to_nobody_else(monkeypatch):
    with own_domain() as held:
        monkeypatch.setattr(domains, '_TURNS', itertools.repeat(held - 1))
        with pytest.raises(DomainError, match='in use on this machine'), own_domain():
            pass


@pytest.mark.parametrize('offset', [0, 10, 12])
def test_one_in_which_somebody_listens_is_given_to_nobody(offset, monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        with own_domain() as taken:
            participant.bind(('', 7400 + 250 * taken + offset))
        monkeypatch.setattr(domains, '_TURNS', itertools.repeat(taken - 1))
        with pytest.raises(DomainError, match='in use on this machine'), own_domain():
            pass
