from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.class_sets import CLASS_SETS, ROAD_CLASSES, class_set_of
from unet_seg_ros.core.classes import CARLA_TAGS, TAG_TABLES, UNKNOWN_ID
from unet_seg_ros.core.errors import ConfigurationError

DRIVING = CLASS_SETS['driving']


def _may_be(class_set: str, tags, tag: str, **options) -> set[str]:
    labels = CLASS_SETS[class_set].labels(tags, **options)
    bits = int(labels.possible[TAG_TABLES[tags].ids_by_name[tag]])
    return {name for name, k in labels.table.ids_by_name.items() if bits >> k & 1}


@pytest.mark.parametrize(
    ('num', 'ids'),
    [
        (13, {6: 'roadline', 7: 'road', 8: 'sidewalk', 0: 'other', 12: 'other'}),
        (23, {6: 'roadline', 7: 'road', 8: 'sidewalk', 13: 'other'}),
        (29, {24: 'roadline', 1: 'road', 2: 'sidewalk', 7: 'other', 25: 'other'}),
    ],
)
def test_tags_are_gathered_by_name(num, ids):
    to_class = ROAD_CLASSES.labels(num).classes
    for tag, name in ids.items():
        assert ROAD_CLASSES.table.names[to_class[tag]] == name
    assert (to_class[num:] == UNKNOWN_ID).all()
    assert (to_class[:num] < len(ROAD_CLASSES.table)).all()


@pytest.mark.parametrize('name', CLASS_SETS)
def test_a_set_gathers_every_tag_of_its_tables_once(name):
    classes = CLASS_SETS[name]
    gathered = [tag for tags in classes.gathers.values() for tag in tags]
    assert len(gathered) == len(set(gathered))
    if name != 'camvid':
        assert set(gathered) == set(CARLA_TAGS[29].names)
    for table in classes.tag_tables:
        possible = classes.labels(table).possible
        ids = [c.id for c in TAG_TABLES[table].classes if c.name != 'Unlabelled']
        assert (possible[ids] > 0).all()
        assert np.count_nonzero(possible) == len(ids)


@pytest.mark.parametrize('name', CLASS_SETS)
def test_a_set_is_found_again_by_a_models_classes(name):
    assert class_set_of(CLASS_SETS[name].table) is CLASS_SETS[name]


def test_classes_of_no_set_are_refused():
    with pytest.raises(ConfigurationError, match='none of the sets road, driving'):
        class_set_of(CARLA_TAGS[13])


def test_the_newest_tags_are_the_full_set():
    ids = np.arange(29)
    assert np.array_equal(CLASS_SETS['full'].labels(29).classes[ids], ids)


@pytest.mark.parametrize(
    ('tags', 'tag', 'expected'),
    [
        (13, 'Vehicle', {'Car', 'Truck', 'Bus', 'Train', 'Motorcycle', 'Bicycle'}),
        (23, 'Pedestrian', {'Pedestrians', 'Rider'}),
        (13, 'TrafficSign', {'TrafficSigns', 'TrafficLight'}),
        (23, 'TrafficSign', {'TrafficSigns'}),
        (23, 'Unlabeled', {'None'}),
    ],
)
def test_an_older_tag_may_be_several_of_the_newest(tags, tag, expected):
    assert _may_be('full', tags, tag) == expected


def test_what_13_tags_leave_unlabelled_may_be_sky():
    assert _may_be('driving', 13, 'Unlabeled') == {'other', 'structure', 'vegetation', 'sky'}


def test_a_recording_that_keeps_some_tags_is_coarse_elsewhere():
    only = ('RoadLine', 'Road', 'Sidewalk')
    rest = set(DRIVING.table.names) - {'roadline', 'road', 'sidewalk'}
    assert _may_be('driving', 23, 'Unlabeled', only=only) == rest
    assert _may_be('driving', 23, 'Road', only=only) == {'road'}
    assert _may_be('driving', 23, 'Vehicle', only=only) == set()
    assert _may_be('road', 23, 'Unlabeled', only=only) == {'other'}


def test_a_tag_that_is_kept_must_exist():
    with pytest.raises(ConfigurationError, match="no class named 'Lawn'"):
        DRIVING.labels(23, only=('Lawn',))


def test_tables_of_another_world_are_refused():
    with pytest.raises(ConfigurationError, match='set driving is made of the tag tables 13, 23'):
        DRIVING.labels('camvid')


def test_under_a_coarse_label_only_what_it_cannot_be_is_wrong():
    labels = DRIVING.labels(23, only=('RoadLine', 'Road', 'Sidewalk'))
    ids = DRIVING.table.ids_by_name
    tags = np.array([[0, 0, 0, 7, 7, 200]], np.uint8)
    predicted = np.array([[ids['sky'], ids['road'], UNKNOWN_ID, ids['road'], ids['sky'], 0]], 'u1')
    expected = [UNKNOWN_ID, len(DRIVING.table), len(DRIVING.table), 2, 2, UNKNOWN_ID]
    assert labels.truth(tags, predicted).tolist() == [expected]
