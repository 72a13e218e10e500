from __future__ import annotations

import pytest

from unet_seg_ros.training import schedule as schedule_module
from unet_seg_ros.training.schedule import Schedule

pytestmark = pytest.mark.training


@pytest.fixture
def clock(monkeypatch):
    """Return a settable clock [s] in a list of one."""
    now = [100.0]
    monkeypatch.setattr(schedule_module.time, 'monotonic', lambda: now[0])
    return now


def test_the_rate_rises_to_its_peak_and_falls_to_zero():
    schedule = Schedule(100, warm_up=0.1)
    schedule.start(0)
    factors = []
    for step in (0, 5, 10, 55, 100):
        schedule.advance(step)
        factors.append(schedule.learning_rate_factor)
    assert factors == pytest.approx([0.01, 0.5, 1.0, 0.5, 0.0])


def test_a_time_limit_ends_the_training_on_time(clock):
    schedule = Schedule(1000, warm_up=0.1, max_minutes=10.0)
    schedule.start(0)
    clock[0] += 300.0
    schedule.advance(3)
    assert schedule.progress == pytest.approx(0.5)
    clock[0] += 300.0
    schedule.advance(6)
    assert schedule.progress == 1.0
    assert schedule.learning_rate_factor == 0.0


def test_a_resumed_training_spends_its_limit_on_what_is_left(clock):
    schedule = Schedule(100, warm_up=0.1, max_minutes=10.0)
    schedule.start(40)
    assert schedule.progress == pytest.approx(0.4)
    clock[0] += 300.0
    schedule.advance(41)
    assert schedule.progress == pytest.approx(0.7)


def test_steps_end_it_before_the_limit(clock):
    schedule = Schedule(100, warm_up=0.1, max_minutes=10.0)
    schedule.start(0)
    schedule.advance(100)
    assert schedule.progress == 1.0
