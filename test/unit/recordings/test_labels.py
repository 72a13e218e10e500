from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.labels import decode_labels

IDS = np.array([[0, 6, 7], [8, 12, 0]], np.uint8)


@pytest.mark.parametrize('num_tags', [13, 23, 29])
def test_ids_pass_as_they_are(num_tags):
    assert np.array_equal(decode_labels(IDS, CARLA_TAGS[num_tags]), IDS)


@pytest.mark.parametrize('num_channels', [3, 4])
def test_ids_are_found_in_the_red_channel(num_channels):
    label = np.zeros((2, 3, num_channels), np.uint8)
    label[..., 2] = IDS
    label[..., 3:] = 255
    assert np.array_equal(decode_labels(label, CARLA_TAGS[13]), IDS)


@pytest.mark.parametrize('num_tags', [13, 23, 29])
@pytest.mark.parametrize('num_channels', [3, 4])
def test_every_colour_of_the_palette_gives_its_id(num_tags, num_channels):
    tags = CARLA_TAGS[num_tags]
    ids = np.arange(num_tags, dtype=np.uint8)[np.newaxis]
    label = np.full((1, num_tags, num_channels), 255, np.uint8)
    label[..., :3] = tags.palette_rgb[ids][..., ::-1]
    assert np.array_equal(decode_labels(label, tags), ids)


@pytest.mark.parametrize('in_red', [False, True])
def test_an_id_of_another_table_is_refused_by_its_number(in_red):
    label = IDS.copy()
    label[1, 1] = 24
    if in_red:
        label = np.stack([0 * label, 0 * label, label], axis=-1)
    with pytest.raises(RecordingError, match=r'id 24 \(1 pixels\), which is none of the 23 tags'):
        decode_labels(label, CARLA_TAGS[23])


def test_a_colour_of_another_table_is_refused_with_its_count():
    label = CARLA_TAGS[29].palette_rgb[np.array([[10, 10, 1]], np.uint8)][..., ::-1]
    with pytest.raises(
        RecordingError, match=r'labels: 2 of 3 pixels .* 23 tags.* RGB \(152, 251, 152\)'
    ):
        decode_labels(label, CARLA_TAGS[23])


@pytest.mark.parametrize(
    'label', [np.zeros((2, 3), np.uint16), np.zeros((2, 3, 2), np.uint8), np.zeros(3, np.uint8)]
)
def test_other_forms_are_refused(label):
    with pytest.raises(RecordingError, match=r'labels (are uint16|have shape)'):
        decode_labels(label, CARLA_TAGS[29])
