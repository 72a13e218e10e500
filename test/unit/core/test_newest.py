from threading import Thread

from unet_seg_ros.core.newest import NewestSlots


def test_a_newer_item_displaces_the_one_that_waits():
    slots: NewestSlots[int] = NewestSlots(['a'])
    assert not slots.put('a', 1)
    assert slots.put('a', 2)
    assert slots.take() == ('a', 2)
    assert not slots.put('a', 3)


def test_no_camera_starves():
    slots: NewestSlots[int] = NewestSlots(['a', 'b', 'c'])
    taken = []
    for number in range(6):
        for name in ('a', 'b', 'c'):
            slots.put(name, number)
        taken.append(slots.take()[0])
    assert taken == ['a', 'b', 'c', 'a', 'b', 'c']


def test_take_waits_for_an_item_and_close_ends_the_waiting():
    slots: NewestSlots[int] = NewestSlots(['a'])
    taken = []

    def take_until_closed():
        while (item := slots.take()) is not None:
            taken.append(item)

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
    assert slots.take() is None
