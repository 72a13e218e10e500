import numpy as np
import pytest

from unet_seg_ros.core.classes import (
    CARLA_TAGS,
    ROAD_CLASSES,
    UNKNOWN_ID,
    ClassTable,
    PixelClass,
)
from unet_seg_ros.core.errors import ConfigurationError


@pytest.mark.parametrize('num', [13, 23, 29])
def test_carla_tables_are_complete(num):
    assert [c.id for c in CARLA_TAGS[num].classes] == list(range(num))


def test_the_same_id_means_different_things_in_different_carla_versions():
    names = [CARLA_TAGS[num].names[7] for num in (13, 23, 29)]
    assert names == ['Road', 'Road', 'TrafficLight']


@pytest.mark.parametrize(
    ('num', 'ids'),
    [
        (13, {6: 'roadline', 7: 'road', 8: 'sidewalk', 0: 'other', 12: 'other'}),
        (23, {6: 'roadline', 7: 'road', 8: 'sidewalk', 13: 'other'}),
        (29, {24: 'roadline', 1: 'road', 2: 'sidewalk', 7: 'other', 25: 'other'}),
    ],
)
def test_tags_are_gathered_by_name(num, ids):
    to_class = ROAD_CLASSES.from_tags(CARLA_TAGS[num])
    for tag, name in ids.items():
        assert ROAD_CLASSES.table.names[to_class[tag]] == name
    assert (to_class[num:] == UNKNOWN_ID).all()
    assert (to_class[:num] < len(ROAD_CLASSES.table)).all()


def test_palette_is_black_outside_the_table():
    palette = CARLA_TAGS[13].palette_rgb
    assert palette.dtype == np.uint8
    assert tuple(palette[7]) == (128, 64, 128)
    assert not palette[13:].any()


@pytest.mark.parametrize(
    'classes',
    [
        (),
        (PixelClass(0, 'a', (0, 0, 0)), PixelClass(0, 'b', (0, 0, 0))),
        (PixelClass(0, 'a', (0, 0, 0)), PixelClass(1, 'a', (0, 0, 0))),
        (PixelClass(255, 'a', (0, 0, 0)),),
    ],
)
def test_an_ambiguous_table_is_refused(classes):
    with pytest.raises(ConfigurationError):
        ClassTable(classes)


def test_an_unknown_name_is_refused_with_those_that_are_there():
    with pytest.raises(ConfigurationError, match=r"'lawn'.*sidewalk"):
        ROAD_CLASSES.table.ids_of(['lawn'])
