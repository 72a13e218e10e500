"""ROS domains that a test has to itself, whatever else runs on this machine."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_NUM_DOMAINS = 100

# In turn, so that no test begins among what the one before it left; each run begins elsewhere.
_TURNS = itertools.count(os.getpid() * 7)

# DDS's ports of a domain: that of all its participants, which they do not open where they keep to
# this machine, and those of the first sixteen.
_PORT_BASE, _PORTS_PER_DOMAIN, _OFFSETS = 7400, 250, (0, *range(10, 42, 2))


@contextmanager
def own_domain() -> Iterator[int]:
    """Give a domain that no other run of the tests holds and in which nobody listens."""
    for turn in itertools.islice(_TURNS, _NUM_DOMAINS):
        domain = 1 + turn % _NUM_DOMAINS
        # A name in Linux's abstract namespace: gone with the process that has it.
        with socket.socket(socket.AF_UNIX) as held:
            try:
                held.bind(f'\0unet_seg_ros test in ROS domain {domain}')
            except OSError:
                continue
            if _nobody_listens_in(domain):
                yield domain
                return
    raise RuntimeError(f'all ROS domains from 1 to {_NUM_DOMAINS} are in use on this machine')


def _nobody_listens_in(domain: int) -> bool:
    for offset in _OFFSETS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', _PORT_BASE + _PORTS_PER_DOMAIN * domain + offset))
            except OSError:
                return False
    return True
