"""Runs against the stand-in of conftest.py: which calls, in which order, and what is kept."""

from __future__ import annotations

import json

import pytest
from support.collect_runs import BEGIN, END, FIRST, drive_calls, drives_of, run, server_dies

from unet_seg_ros.collect import session
from unet_seg_ros.collect.options import ServerError
from unet_seg_ros.collect.session import STUCK_TICKS, Standstill
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.recordings.folder import LabelledFolder


def test_a_drive_is_recorded_and_all_is_put_back(carla, make_options):
    options = make_options()
    lines = run(options)
    assert carla.calls == [*BEGIN, *drive_calls(7), *END]
    assert carla.actors == {}
    assert lines == [
        'warning: the client is CARLA 0.9.16, the server 0.9.15; if calls fail, '
        'pip install carla==0.9.15, if there is one for this Python',
        'Town01, ClearNoon, seed 7',
        f'{options.output}: 2 frames in 1 drives',
    ]
    folder = LabelledFolder(options.output / 'Town01_0', CARLA_TAGS[29])
    # The stand-in's blue is the tick's number.
    assert [int(image[0, 0, 0]) for image, _ in folder] == [FIRST, FIRST + 3]
    assert all((label == 1).all() for _, label in folder)


def test_the_recording_tells_what_it_was_made_with(carla, make_options):
    options = make_options()
    run(options)
    told = json.loads((options.output / 'recording.json').read_text())
    mount = {'x_m': 2.0, 'y_m': 0.0, 'z_m': 2.0, 'pitch_deg': -5.0}
    assert told == {
        'server_version': '0.9.15',
        'client_version': '0.9.16',
        'tags': 29,
        'camera': {'width': 6, 'height': 4, 'fov_deg': 90.0, 'mount': mount},
        'fixed_step_s': 0.05,
        'towns': ['Town01'],
        'weathers': ['ClearNoon'],
        'drives': [
            {
                'name': 'Town01_0',
                'town': 'Town01',
                'weather': 'ClearNoon',
                'seed': 7,
                'every_ticks': 3,
                'vehicles': 2,
                'walkers': 1,
                'frames': 2,
                'jumps': [],
            }
        ],
    }


def test_both_cameras_are_alike(carla, make_options):
    seen = []
    carla.at_frame[FIRST] = lambda: seen.extend(carla.actors.values())
    run(make_options())
    cameras = {a.kind: (a.place, a.attributes) for a in seen if 'camera' in a.kind}
    attributes = {'image_size_x': '6', 'image_size_y': '4', 'fov': '90.0'}
    mounted = (({'x': 2.0, 'y': 0.0, 'z': 2.0}, {'pitch': -5.0}), attributes)
    assert cameras == {
        'sensor.camera.rgb': mounted,
        'sensor.camera.semantic_segmentation': mounted,
    }


def test_towns_are_loaded_once_each_and_get_the_settings_that_were_found(carla, make_options):
    options = make_options(towns=('Town01', 'Town02'), weathers=('ClearNoon', 'WetNight'))
    run(options)
    in_town_1 = [*BEGIN, *drive_calls(7), *drive_calls(8, 'WetNight'), *END]
    in_town_2 = [*BEGIN, *drive_calls(9), *drive_calls(10, 'WetNight'), *END]
    assert carla.calls == [*in_town_1, 'load Town02', *in_town_2]
    assert [drive['name'] for drive in drives_of(options)] == [
        'Town01_0',
        'Town01_1',
        'Town02_0',
        'Town02_1',
    ]


def test_added_drives_go_on_with_other_seeds(carla, make_options):
    run(make_options())
    lines = run(make_options(append=True))
    assert lines[1] == 'Town01, ClearNoon, seed 8'
    assert [drive['seed'] for drive in drives_of(make_options())] == [7, 8]


def test_traffic_leaves_a_place_free(carla, make_options):
    options = make_options(num_vehicles=100)
    run(options)
    assert drives_of(options)[0]['vehicles'] == 3


def test_a_vehicle_that_stands_too_long_is_replaced(carla, make_options, monkeypatch):
    monkeypatch.setattr(session, 'STUCK_TICKS', 3)
    carla.speed_m_s = 0.0
    options = make_options(num_frames=4)
    run(options)
    # Each vehicle has four ticks, of which the first and the fourth are recorded.
    assert drives_of(options)[0]['jumps'] == [2]
    assert [call for call in carla.calls if call.startswith(('auto', 'destroy'))] == [
        'autopilot True 8000',
        'destroy 3',
        'autopilot True 8000',
        'destroy 3',
        'destroy 4',
    ]


def test_a_stand_is_too_long_after_a_minute_without_a_move():
    standstill = Standstill()
    assert STUCK_TICKS == 1200
    assert not any(standstill.is_stuck_at(0.05) for _ in range(1200))
    assert not standstill.is_stuck_at(0.1)
    assert [standstill.is_stuck_at(0.0) for _ in range(1201)] == [False] * 1200 + [True]


@pytest.mark.parametrize(
    ('changes', 'line'),
    [
        ({'towns': ('Town9',)}, 'no town .*Town01, Town02'),
        ({'weathers': ('Default',)}, 'no weather'),
    ],
)
def test_what_the_server_lacks_is_told_before_anything_is_changed(
    carla, make_options, changes, line
):
    with pytest.raises(ConfigurationError, match=line):
        run(make_options(**changes))
    assert carla.calls == []


def test_no_server_is_told_with_what_to_do(carla, make_options, monkeypatch):
    monkeypatch.setattr(carla, 'get_server_version', server_dies)
    with pytest.raises(ServerError) as refusal:
        run(make_options())
    assert str(refusal.value) == (
        'no CARLA server at localhost:2000; start CARLA, or give --host, --port or a longer '
        '--timeout (time-out of 50ms while waiting for the simulator)'
    )
