"""What a source is called, and whether its truth fits a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.demo.sources import Recording, RenderedDrive

SIZE = ImageSize(720, 1280)


@pytest.mark.parametrize(
    ('is_held_out', 'words'), [(True, ', held out'), (False, ', not held out')]
)
def test_a_drive_says_whether_its_layouts_were_held_out(is_held_out, words):
    text = str(RenderedDrive(('old_town', 'port'), 4, SIZE, is_held_out))
    assert words in text
    assert text.startswith('Rendered scenes 1280x720')
    assert text.endswith(': old_town, port, seeds 4 and 5')


def test_a_drive_shares_its_time_among_layouts_and_seeds():
    command = RenderedDrive(('old_town', 'port'), 4, SIZE, True).command(20.0)
    assert command[:4] == ['drive', '--layouts', 'old_town', 'port']
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options == options | {
        '--frames': '400', '--leg': '100', '--seed': '4', '--size': '1280x720'
    }  # fmt: skip


def test_a_recording_is_told_by_its_path():
    assert str(Recording(Path('/data/town/val'))) == 'Recording town/val'


def test_masks_are_scored_where_truth_and_model_have_the_same_classes():
    drive = RenderedDrive(('old_town',), 0, SIZE, True)
    labelled, bare = Recording(Path('a'), carla_tags=23), Recording(Path('a'))
    assert drive.why_unscored(ROAD_CLASSES.table) == ''
    assert labelled.why_unscored(ROAD_CLASSES.table) == ''
    assert 'without labels' in bare.why_unscored(ROAD_CLASSES.table)
    assert 'the model others' in drive.why_unscored(CARLA_TAGS[29])
