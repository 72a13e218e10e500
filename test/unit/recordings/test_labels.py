from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.classes import CARLA_TAGS, ClassTable, PixelClass
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.labels import decode_labels, form_of

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
    expected = r'id 24 \(1 pixels\), which is none of the 23 tags.* \(the table of 29 tags fits\)'
    with pytest.raises(RecordingError, match=expected):
        decode_labels(label, CARLA_TAGS[23])


def test_many_ids_of_another_table_are_counted():
    label = np.array([[40, 41, 41, 42, 43, 44]], np.uint8)
    expected = r'id 40 \(1 pixels\), 41 \(2 pixels\), 42 \(1 pixels\) and 2 more, which'
    with pytest.raises(RecordingError, match=expected) as raised:
        decode_labels(label, CARLA_TAGS[29])
    assert 'fits' not in str(raised.value)


def test_a_colour_of_another_table_is_refused_with_its_count():
    label = CARLA_TAGS[29].palette_rgb[np.array([[10, 10, 1]], np.uint8)][..., ::-1]
    with pytest.raises(
        RecordingError,
        match=r'labels: 2 of 3 pixels .* 23 tags.* RGB \(152, 251, 152\).*29 tags fits',
    ):
        decode_labels(label, CARLA_TAGS[23])


@pytest.mark.parametrize(
    'label', [np.zeros((2, 3), np.uint16), np.zeros((2, 3, 2), np.uint8), np.zeros(3, np.uint8)]
)
def test_other_forms_are_refused(label):
    with pytest.raises(RecordingError, match=r'labels (are uint16|have shape)'):
        decode_labels(label, CARLA_TAGS[29])


def in_red(ids) -> np.ndarray:
    return np.stack([0 * ids, 0 * ids, ids], axis=-1)


@pytest.mark.parametrize('label', [np.array([[7, 30]], np.uint8), in_red(np.array([[7, 30]]))])
def test_unknown_ids_do_not_count_on_request(label):
    ids = decode_labels(label.astype(np.uint8), CARLA_TAGS[29], ignore_unknown=True)
    assert ids.tolist() == [[7, 255]]


def test_unknown_colours_do_not_count_on_request():
    label = np.array([[[128, 64, 128], [1, 2, 3]]], np.uint8)
    ids = decode_labels(label, CARLA_TAGS[23], ignore_unknown=True)
    assert ids.tolist() == [[7, 255]]


def test_riders_are_no_ids_in_the_red_channel():
    label = CARLA_TAGS[29].palette_rgb[np.array([[0, 13]], np.uint8)][..., ::-1]
    assert form_of(label) == 'palette'
    assert decode_labels(label, CARLA_TAGS[29]).tolist() == [[0, 13]]


def test_a_named_form_is_kept_to():
    # Lines in blue of the palette would pass; by name, the red channel alone counts.
    label = CARLA_TAGS[23].palette_rgb[np.array([[0, 10]], np.uint8)][..., ::-1]
    assert decode_labels(label, CARLA_TAGS[23], 'red').tolist() == [[0, 0]]
    assert decode_labels(label, CARLA_TAGS[23], 'palette').tolist() == [[0, 10]]
    assert decode_labels(IDS, CARLA_TAGS[23], 'ids').tolist() == IDS.tolist()


@pytest.mark.parametrize(
    ('label', 'form', 'channels'),
    [(IDS, 'red', 1), (IDS, 'palette', 1), (in_red(IDS), 'ids', 3)],
)
def test_a_wrongly_named_form_is_refused(label, form, channels):
    expected = f"labels have {channels} channels, which is not the form '{form}'"
    with pytest.raises(RecordingError, match=expected):
        decode_labels(label, CARLA_TAGS[23], form)


def test_colours_need_a_table_whose_colours_differ():
    same = ClassTable((PixelClass(0, 'a', (1, 2, 3)), PixelClass(1, 'b', (1, 2, 3))))
    label = np.full((1, 1, 3), 9, np.uint8)
    with pytest.raises(RecordingError, match='labels are colours, but two tags share a colour'):
        decode_labels(label, same)
