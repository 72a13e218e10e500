"""Runs that end before their time: frames are kept, and the server is as it was before."""

from __future__ import annotations

import signal

import pytest
from support.collect_runs import (
    BEGIN,
    END,
    FIRST,
    OWN,
    TRAFFIC,
    drive_calls,
    drives_of,
    run,
    server_dies,
)

from unet_seg_ros.collect.options import ServerError
from unet_seg_ros.collect.session import collect
from unet_seg_ros.core.errors import RecordingError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ('event', 'error', 'line'),
    [
        (interrupt, KeyboardInterrupt, ''),
        (
            server_dies,
            ServerError,
            'CARLA at localhost:2000: time-out of 50ms while waiting for the simulator',
        ),
    ],
)
def test_an_end_before_its_time_keeps_frames_and_puts_all_back(
    carla, make_options, event, error, line
):
    carla.at_frame[FIRST + 2] = event
    options = make_options()
    lines: list[str] = []
    with pytest.raises(error) as end:
        collect(options, lines.append)
    assert str(end.value) == line
    assert carla.calls == [*BEGIN, *drive_calls(7), *END]
    assert carla.actors == {}
    assert lines[-1] == f'{options.output}: 1 frames in 1 drives'
    assert drives_of(options)[0]['frames'] == 1


def test_a_frame_that_does_not_come_ends_the_run(carla, make_options):
    carla.lost = {FIRST + 1}
    with pytest.raises(ServerError, match=f'image of frame {FIRST + 1} of the semantic camera'):
        run(make_options())
    assert carla.actors == {}
    assert drives_of(make_options())[0]['frames'] == 1


def test_a_town_without_room_is_told(carla, make_options):
    carla.num_places = 0
    with pytest.raises(ServerError, match='Town01 has no free place; give fewer --vehicles'):
        run(make_options())
    assert carla.actors == {}


def test_tags_of_another_table_end_the_run(carla, make_options):
    carla.version = '0.9.13'
    carla.tag = 23
    with pytest.raises(RecordingError, match=r'id 23 .* none of the 23 tags'):
        run(make_options())


def test_a_clean_up_that_fails_is_told_and_the_rest_is_done(carla, make_options, monkeypatch):
    monkeypatch.setattr(carla, 'set_weather', lambda weather: weather == 'found' and server_dies())
    lines = run(make_options())
    assert lines[-2] == (
        'warning: not all of the server was put back: '
        'time-out of 50ms while waiting for the simulator'
    )
    assert carla.calls[-1] == END[2]


def test_of_actors_that_do_not_answer_the_rest_is_destroyed_at_once(carla, make_options):
    carla.at_stop = server_dies
    lines = run(make_options())
    assert carla.calls[-7:] == [OWN[0], OWN[2], *TRAFFIC, *END]
    assert carla.actors == {}
    assert sum('not all of the server was put back' in line for line in lines) == 2


def test_of_actors_that_answer_with_an_error_each_is_tried(carla, make_options):
    def refuse() -> None:
        raise RuntimeError('the actor is gone')

    carla.at_stop = refuse
    run(make_options())
    assert carla.calls == [*BEGIN, *drive_calls(7), *END]


@pytest.fixture
def harmless():
    """Let signals that nobody handles be noted instead of ending the tests; return the notes."""
    noted: list[int] = []

    def note(number: int, frame: object) -> None:
        noted.append(number)

    previous = [signal.signal(number, note) for number in SIGNALS]
    yield noted
    # Whoever took them has given them back.
    assert [signal.getsignal(number) for number in SIGNALS] == [note] * 3
    for number, handler in zip(SIGNALS, previous, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize('number', SIGNALS)
def test_a_signal_puts_all_back_and_a_second_does_not_cut_that_short(
    carla, make_options, harmless, number
):
    carla.at_frame[FIRST + 2] = lambda: signal.raise_signal(number)
    carla.at_stop = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(make_options())
    assert carla.calls == [*BEGIN, *drive_calls(7), *END]
    assert carla.actors == {}
    assert harmless == []


@pytest.mark.parametrize('number', SIGNALS)
def test_a_signal_in_the_midst_of_a_clean_up_waits_for_its_end(
    carla, make_options, harmless, number
):
    carla.at_stop = lambda: signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        run(make_options(weathers=('ClearNoon', 'WetNight')))
    # The second drive is not begun.
    assert carla.calls == [*BEGIN, *drive_calls(7), *END]
    assert harmless == []


def test_what_is_ignored_stays_so(carla, make_options, harmless):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        carla.at_frame[FIRST + 2] = lambda: signal.raise_signal(signal.SIGHUP)
        options = make_options()
        run(options)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    assert drives_of(options)[0]['frames'] == 2
