"""A ROS domain to oneself."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from unet_seg_ros.core.errors import UserError

# Fast DDS's default ports: 7400 + 250 * domain, then by participant. Domains above 101 would
# reach into the ports that Linux hands out to anybody.
_PORT_BASE, _PORTS_PER_DOMAIN, _MAX_DOMAIN = 7400, 250, 101

# The port that all participants of a domain listen on, unless they keep to this machine, and those
# of the first sixteen.
_OFFSETS = (0, *range(10, 42, 2))

# In turn, for what was killed stays in a domain's graph for a while, and from anywhere on.
_TURNS = itertools.count(os.getpid() * 7)


class DomainError(UserError):
    """There is no ROS domain to be had."""


@contextmanager
def own_domain() -> Iterator[int]:
    """
    Give a ROS domain in which nobody on this machine listens, and that no other call gives.

    Raises
    ------
    DomainError
        If every domain is in use.

    """
    for turn in itertools.islice(_TURNS, _MAX_DOMAIN):
        domain = 1 + turn % _MAX_DOMAIN
        # A name in Linux's abstract namespace: gone with the process that has it.
        with socket.socket(socket.AF_UNIX) as held:
            try:
                held.bind(f'\0unet_seg_ros domain {domain}')
            except OSError:
                continue
            base = _PORT_BASE + _PORTS_PER_DOMAIN * domain
            if not any(_is_taken(base + offset) for offset in _OFFSETS):
                yield domain
                return
    raise DomainError(f'all ROS domains from 1 to {_MAX_DOMAIN} are in use on this machine')


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(('', port))
        except OSError:
            return True
        return False
