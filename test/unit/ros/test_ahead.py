"""Items made ahead: in order, within the limit, and not after the end."""

from __future__ import annotations

import itertools
import threading

import pytest
from support.waiting import wait_until

from unet_seg_ros.ros.ahead import Ahead


def test_items_come_in_order():
    with Ahead(lambda i: i * i, range(50), 7) as items:
        assert list(items) == [i * i for i in range(50)]


def test_so_many_are_made_before_the_first_is_taken():
    made = []
    with Ahead(made.append, itertools.count(), 5) as items:
        wait_until(items.is_full)
        assert made == [0, 1, 2, 3, 4]
        next(iter(items))
        wait_until(items.is_full)
        assert made == [0, 1, 2, 3, 4, 5]


def test_fewer_than_the_limit_are_full_too():
    with Ahead(str, range(2), 100) as items:
        wait_until(items.is_full)
        assert list(items) == ['0', '1']


def test_an_error_comes_with_its_item():
    with Ahead(lambda i: 1 // (2 - i), range(5), 5) as items:
        taken = iter(items)
        assert [next(taken), next(taken)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(taken)


def test_nothing_is_made_after_the_block():
    made, gate = [], threading.Event()

    def make(index: int) -> None:
        made.append(index)
        gate.wait(10)

    with Ahead(make, range(100), 100):
        wait_until(lambda: made)
        threading.Timer(0.2, gate.set).start()
    assert made == [0]
    assert not any(thread.name.startswith('ahead') for thread in threading.enumerate())
