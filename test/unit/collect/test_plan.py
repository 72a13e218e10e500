"""Towns, weathers, seeds and tag tables."""

from __future__ import annotations

import pytest

from unet_seg_ros.collect.plan import (
    DrivePlan,
    check_weathers,
    choose_towns,
    schedule,
    tag_count,
)
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError

MAPS = ['/Game/Carla/Maps/Town02', '/Game/Carla/Maps/Town01', '/Game/Carla/Maps/Town12/Town12']


@pytest.mark.parametrize(
    ('version', 'count'),
    [
        ('0.8.4', 13),
        ('0.9.9.4', 13),
        ('0.9.10', 23),
        ('0.9.10.1', 23),
        ('0.9.13', 23),
        ('0.9.14', 29),
        ('0.9.14-12-gabcdef0-dirty', 29),
        ('0.9.16', 29),
        ('0.10.0', 29),
        ('1.0', 29),
    ],
)
def test_the_version_tells_the_tag_table(version, count):
    assert tag_count(version) == count
    assert len(CARLA_TAGS[count]) == count


def test_a_version_that_tells_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="version 'd5a6fb2a9', so its tag table"):
        tag_count('d5a6fb2a9')


def test_the_table_of_29_tags_is_that_of_the_client_library():
    carla = pytest.importorskip('carla', reason='the package carla is not installed')
    ids = {name: int(value) for name, value in carla.CityObjectLabel.names.items()}
    assert ids.pop('Any') == 255
    ids['None'] = ids.pop('NONE')
    assert ids == CARLA_TAGS[29].ids_by_name


def test_without_towns_the_loaded_one_is_taken():
    assert choose_towns((), MAPS, 'Carla/Maps/Town02') == ('Town02',)
    assert choose_towns((), MAPS, 'Town02') == ('Town02',)


def test_towns_keep_their_order_and_come_once():
    assert choose_towns(('Town12', 'Town01', 'Town12'), MAPS, 'x') == ('Town12', 'Town01')


def test_a_town_that_the_server_lacks_is_told_with_those_that_it_has():
    with pytest.raises(ConfigurationError) as refusal:
        choose_towns(('Town01', 'Town99'), MAPS, 'Town01')
    assert str(refusal.value) == "no town 'Town99' on the server; it has Town01, Town02, Town12"


def test_a_weather_that_there_is_not_is_told_with_those_there_are():
    check_weathers(('random', 'WetNoon'), ('WetNoon', 'ClearNoon'))
    with pytest.raises(ConfigurationError) as refusal:
        check_weathers(('Foggy',), ('WetNoon', 'ClearNoon'))
    assert str(refusal.value) == "no weather 'Foggy'; there are random, ClearNoon, WetNoon"


def test_each_town_is_driven_through_in_each_weather_with_seeds_of_their_own():
    drives = schedule(('B', 'A'), ('Wet', 'Dry'), ('Wet', 'Dry'), 5)
    assert drives == [
        DrivePlan(town='B', weather='Wet', seed=5),
        DrivePlan(town='B', weather='Dry', seed=6),
        DrivePlan(town='A', weather='Wet', seed=7),
        DrivePlan(town='A', weather='Dry', seed=8),
    ]


def test_a_random_weather_is_one_of_the_presets_and_the_same_for_a_seed():
    presets = ('a', 'b', 'c')
    drives = schedule(('T',), ('random',) * 20, presets, 0)
    assert {drive.weather for drive in drives} == set(presets)
    assert schedule(('T',), ('random',), presets[::-1], 4)[0].weather == drives[4].weather
