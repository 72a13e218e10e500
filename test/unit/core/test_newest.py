import time
from threading import Thread
from types import SimpleNamespace

from unet_seg_ros.core import newest
from unet_seg_ros.core.newest import NewestSlots


def test_a_newer_item_displaces_the_one_that_waits():
    slots: NewestSlots[int] = NewestSlots(['a'])
    assert not slots.put('a', 1)
    assert slots.put('a', 2)
    assert slots.take() == [('a', 2)]
    assert not slots.put('a', 3)


def test_no_camera_starves():
    slots: NewestSlots[int] = NewestSlots(['a', 'b', 'c'])
    taken = []
    for number in range(6):
        for name in ('a', 'b', 'c'):
            slots.put(name, number)
        taken.append(slots.take()[0][0])
    assert taken == ['a', 'b', 'c', 'a', 'b', 'c']


def test_take_waits_for_an_item_and_close_ends_the_waiting():
    slots: NewestSlots[int] = NewestSlots(['a'])
    taken = []

    def take_until_closed():
        while items := slots.take():
            taken.extend(items)

    thread = Thread(target=take_until_closed)
    thread.start()
    slots.put('a', 1)
    while not taken:
        thread.join(0.001)
    slots.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert taken == [('a', 1)]


def test_what_waits_at_the_close_is_never_taken():
    slots: NewestSlots[int] = NewestSlots(['a'])
    slots.put('a', 1)
    slots.close()
    assert slots.take() == []


def test_what_waits_is_taken_together_up_to_the_largest_batch_and_in_turn():
    slots: NewestSlots[int] = NewestSlots(['a', 'b', 'c'], max_batch=2)
    for name in 'abc':
        slots.put(name, 1)
    assert slots.take() == [('a', 1), ('b', 1)]
    slots.put('a', 2)
    slots.put('b', 2)
    assert slots.take() == [('c', 1), ('a', 2)]
    assert slots.take() == [('b', 2)]


def test_without_a_wait_nobody_waits_for_another_camera():
    slots: NewestSlots[int] = NewestSlots(['a', 'b'], max_batch=2)
    slots.put('a', 1)
    assert slots.take() == [('a', 1)]


def test_a_full_batch_is_taken_at_once():
    slots: NewestSlots[int] = NewestSlots(['a', 'b'], max_batch=2, wait_s=60.0)
    slots.put('b', 1)
    slots.put('a', 1)
    start_s = time.monotonic()
    assert slots.take() == [('a', 1), ('b', 1)]
    assert time.monotonic() - start_s < 30


def started(names: list[str], wait_s: float) -> NewestSlots[int]:
    """Return slots for cameras that all have sent already, up to so many at once."""
    slots: NewestSlots[int] = NewestSlots(names, len(names), wait_s)
    for name in names:
        slots.put(name, 0)
    assert len(slots.take()) == len(names)
    return slots


def test_a_camera_that_has_sent_nothing_is_not_waited_for():
    slots: NewestSlots[int] = NewestSlots(['a', 'b'], max_batch=2, wait_s=60.0)
    slots.put('a', 1)
    start_s = time.monotonic()
    assert slots.take() == [('a', 1)]
    assert time.monotonic() - start_s < 30


def test_a_camera_that_falls_silent_is_not_waited_for_after_a_second(monkeypatch):
    slots = started(['a', 'b', 'c'], wait_s=0.5)
    later_s = time.monotonic() + 2
    monkeypatch.setattr(newest, 'time', SimpleNamespace(monotonic=lambda: later_s))
    slots.put('a', 1)
    slots.put('b', 1)
    # This clock stands still now, so that a wait would last its whole half second.
    start_s = time.monotonic()
    assert slots.take() == [('a', 1), ('b', 1)]
    assert time.monotonic() - start_s < 0.5


def test_the_wait_counts_from_the_first_item_although_newer_ones_displace_it():
    slots = started(['a', 'b'], wait_s=0.2)
    start_s = time.monotonic()
    slots.put('a', 0)
    taken: list[list[tuple[str, int]]] = []
    thread = Thread(target=lambda: taken.append(slots.take()))
    thread.start()
    number = 0
    while not taken:
        number += 1
        slots.put('a', number)
        thread.join(0.01)
        assert time.monotonic() < start_s + 10, 'the wait never ends'
    assert time.monotonic() - start_s >= 0.2
    assert [name for name, _ in taken[0]] == ['a']


def test_a_close_ends_the_wait_for_other_cameras():
    slots = started(['a', 'b'], wait_s=60.0)
    slots.put('a', 1)
    taken: list[list[tuple[str, int]]] = []
    thread = Thread(target=lambda: taken.append(slots.take()))
    thread.start()
    slots.close()
    thread.join(timeout=10)
    assert taken == [[]]
