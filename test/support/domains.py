"""ROS domains that a test has to itself, whatever else runs on this machine."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from unet_seg_ros.demo.processes import is_free

_NUM_DOMAINS = 100

# In turn, so that no test begins among what the one before it left; each run begins elsewhere.
_TURNS = itertools.count(os.getpid() * 7)


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
            if is_free(domain):
                yield domain
                return
    raise RuntimeError(f'all ROS domains from 1 to {_NUM_DOMAINS} are in use on this machine')
