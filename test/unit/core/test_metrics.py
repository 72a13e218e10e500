import math

import numpy as np
import pytest

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import UNKNOWN_ID
from unet_seg_ros.core.metrics import ConfusionMatrix, without_nan


def matrix(truth, predicted) -> ConfusionMatrix:
    counted = ConfusionMatrix(ROAD_CLASSES.table)
    counted.update(np.array(truth, np.uint8), np.array(predicted, np.uint8))
    return counted


def test_iou_counted_by_hand():
    counted = matrix([0, 0, 0, 2, 2, 3], [0, 0, 2, 2, 1, 3])
    assert counted.iou() == pytest.approx(
        {'other': 2 / 3, 'roadline': 0.0, 'road': 1 / 3, 'sidewalk': 1.0}
    )
    # One pixel taken for a line, where the truth has none, is no class of its own.
    assert counted.mean_iou() == pytest.approx((2 / 3 + 1 / 3 + 1) / 3)
    assert counted.accuracy() == pytest.approx(4 / 6)


def test_a_group_does_not_count_confusion_within_it():
    counted = matrix([0, 0, 0, 2, 2, 3], [0, 0, 2, 2, 1, 3])
    assert counted.group_iou(('road', 'roadline')) == pytest.approx(2 / 3)


def test_unknown_truth_is_not_counted_and_unknown_prediction_is_a_miss():
    counted = matrix([UNKNOWN_ID, 2, 2], [2, 2, UNKNOWN_ID])
    assert counted.counts.sum() == 2
    assert counted.iou()['road'] == 0.5


def test_a_class_that_never_came_has_no_score():
    counted = matrix([0, 0], [0, 0])
    assert math.isnan(counted.iou()['road'])
    assert counted.mean_iou() == 1.0
    assert math.isnan(ConfusionMatrix(ROAD_CLASSES.table).mean_iou())


def test_counts_add_up_over_images():
    counted = matrix([0, 2], [0, 2])
    counted.update(np.array([2], np.uint8), np.array([0], np.uint8))
    assert counted.iou()['road'] == 0.5


def test_counts_beyond_what_float32_holds_are_exact():
    num = 2**24 + 3
    ids = np.full(num, 2, np.uint8)
    counted = ConfusionMatrix(ROAD_CLASSES.table)
    counted.update(ids, ids)
    assert counted.counts[2, 2] == counted.counts.sum() == num


def test_no_pixels_count_nothing():
    assert matrix([], []).counts.sum() == 0


def test_what_is_not_known_is_none_in_json():
    nan = float('nan')
    figures = {'a': nan, 'b': {'c': {'d': nan, 'e': 0.5}}, 'f': 'nan', 'g': 1}
    assert without_nan(figures) == {
        'a': None, 'b': {'c': {'d': None, 'e': 0.5}}, 'f': 'nan', 'g': 1
    }  # fmt: skip


def test_unknown_truth_excuses_any_prediction():
    assert matrix([UNKNOWN_ID], [77]).counts.sum() == 0


def test_a_class_that_only_the_prediction_cannot_be_is_a_miss_of_it():
    counted = matrix([2, 4], [2, 2])
    assert counted.iou()['road'] == 0.5
    assert math.isnan(counted.iou()['other'])


@pytest.mark.parametrize(
    ('truth', 'predicted'), [([0], [0, 0]), ([5], [0]), ([0], [4]), ([254], [UNKNOWN_ID])]
)
def test_what_does_not_fit_is_refused(truth, predicted):
    with pytest.raises(ValueError, match=r'differ|4 classes'):
        matrix(truth, predicted)
