from __future__ import annotations

import numpy as np
import pytest
from support.recordings import write_image

from unet_seg_ros.core.classes import CARLA_TAGS, TAG_TABLES
from unet_seg_ros.recordings.folder import LabelledFolder
from unet_seg_ros.recordings.recording import ReadOptions
from unet_seg_ros.recordings.survey import survey


def recorded(path, *labels, **options) -> LabelledFolder:
    for number, label in enumerate(labels):
        label = np.asarray(label, np.uint8)
        write_image(path / 'rgb' / f'{number}.png', np.zeros((*label.shape[:2], 3), np.uint8))
        write_image(path / 'label' / f'{number}.png', label)
    return LabelledFolder(path, CARLA_TAGS[29], options=ReadOptions(**options))


def colours(num_tags, ids):
    return CARLA_TAGS[num_tags].palette_rgb[np.array(ids)][..., ::-1]


def test_pixels_are_counted_by_class(tmp_path):
    found = survey(recorded(tmp_path, [[7, 7, 8]], [[7, 6]]))
    assert found.num_frames == 2
    assert found.sizes == {(1, 3): 1, (1, 2): 1}
    assert found.forms == {'ids': 2}
    assert found.tallies[23].shares == {'Road': 0.6, 'RoadLine': 0.2, 'Sidewalk': 0.2}
    assert list(found.tallies[23].shares) == ['Road', 'RoadLine', 'Sidewalk']
    assert found.tallies[23].road_share == 0.6


@pytest.mark.parametrize(
    ('label', 'fitting', 'guess'),
    [
        # 7 is Road before 0.9.14, 1 is from then on.
        ([[7, 7, 1]], [13, 23, 29], 23),
        ([[7, 1, 1]], [13, 23, 29], 29),
        ([[7, 7, 13]], [23, 29], 23),
        ([[7, 7, 28]], [29], 29),
        (colours(13, [[3, 7]]), [13], 13),
        (colours(23, [[22, 7]]), [23], 23),
        (colours(29, [[10, 1]]), [29], 29),
        # Road and sidewalk have one colour in all.
        (colours(13, [[7, 8]]), [13, 23, 29], 29),
    ],
)
def test_the_table_is_guessed(tmp_path, label, fitting, guess):
    found = survey(recorded(tmp_path, label))
    assert found.fitting == fitting
    assert found.guess == guess


def test_where_none_fits_the_one_that_fails_least_is_guessed(tmp_path):
    found = survey(recorded(tmp_path, [[1, 28]], [[1, 99]], [[1, 12]], [[7, 12]]))
    assert found.fitting == []
    assert found.guess == 29
    assert list(found.tallies[29].failures) == [1]
    assert list(found.tallies[23].failures) == [0, 1]
    assert 'id 99 (1 pixels)' in found.tallies[29].failures[1]


def test_it_goes_on_where_a_frame_fails(tmp_path):
    recording = recorded(tmp_path, [[7, 7]], [[7, 7]], [[7, 7]], [[7, 7]])
    (tmp_path / 'rgb' / '1.png').write_bytes(b'')
    write_image(tmp_path / 'label' / '2.png', np.zeros((2, 2), np.uint8))
    found = survey(recording)
    for tally in found.tallies.values():
        assert list(tally.failures) == [1, 2]
        assert 'rgb/1.png: not a readable image' in tally.failures[1]
        assert 'label/2.png: size 2x2, but its image has 2x1' in tally.failures[2]
        assert tally.pixels.sum() == 4


def test_other_tables_may_be_asked_for(tmp_path):
    found = survey(recorded(tmp_path, [[3, 3]]), {'camvid': TAG_TABLES['camvid']})
    assert found.guess == 'camvid'
    assert found.tallies['camvid'].shares == {'Road': 1.0}


def test_ignored_pixels_are_counted(tmp_path):
    found = survey(recorded(tmp_path, [[1, 1, 1, 99]], ignore_unknown=True))
    assert found.fitting == [13, 23, 29]
    assert found.tallies[29].unknown_share == 0.25
    assert found.tallies[29].shares == {'Roads': 0.75}


def test_labels_of_a_strange_type_fail(tmp_path):
    recording = recorded(tmp_path, [[7, 7]])
    write_image(tmp_path / 'label' / '0.png', np.zeros((1, 2), np.uint16))
    found = survey(recording)
    assert found.forms == {'unknown': 1}
    assert 'labels are uint16' in found.tallies[29].failures[0]


def test_progress_is_told(tmp_path):
    calls = []
    survey(recorded(tmp_path, [[7]], [[7]]), progress=lambda *call: calls.append(call))
    assert calls == [(f'reading {tmp_path.name}', 0, 2), (f'reading {tmp_path.name}', 1, 2)]
