import numpy as np
import pytest

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import (
    CARLA_TAGS,
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
