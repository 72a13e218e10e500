"""Boundary F-scores of squares whose outlines can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unet_seg_ros.core.class_sets import CLASS_SETS, LabelMap
from unet_seg_ros.training.boundary import BoundaryScores, boundary_f

pytestmark = pytest.mark.training


def _square(left: int, top: int = 30, side: int = 20, shape=(100, 100)) -> np.ndarray:
    """Return zeros with a square of ones."""
    picture = np.zeros(shape, np.uint8)
    picture[top : top + side, left : left + side] = 1
    return picture


# The outline has 76 pixels. Shifted by 5, with one pixel of tolerance, 16 of the upper and 16 of
# the lower side still lie on or beside the true ones, and the two ends of the left side.
@pytest.mark.parametrize(('shift', 'expected'), [(0, 1.0), (1, 1.0), (5, 34 / 76)])
def test_a_shifted_square(shift, expected):
    truth = _square(30)
    assert boundary_f(truth, 1 - truth, _square(30 + shift)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(('shift', 'is_met'), [(7, True), (8, False)])
def test_the_tolerance_grows_with_the_image(shift, is_met):
    truth = _square(300, 200, 100, (600, 800))  # diagonal 1000 px: 7.5 px
    predicted = _square(300 + shift, 200, 100, (600, 800))
    assert (boundary_f(truth, 1 - truth, predicted) == 1.0) == is_met


def test_a_small_image_has_a_tolerance_of_one_pixel():
    truth = _square(20, 20, shape=(64, 64))
    assert boundary_f(truth, 1 - truth, _square(21, 20, shape=(64, 64))) == 1.0
    assert boundary_f(truth, 1 - truth, _square(22, 20, shape=(64, 64))) < 1.0


def test_precision_and_recall_differ():
    truth = _square(30)
    predicted = truth | _square(70)  # twice the outline: half of it is wrong, none is missed
    expected = 2 * 0.5 * 1.0 / 1.5
    assert boundary_f(truth, 1 - truth, predicted) == pytest.approx(expected, abs=1e-12)


def test_no_boundary_is_no_score_and_a_missed_or_invented_one_is_zero():
    square, nothing, everything = _square(30), np.zeros((9, 9)), np.ones((9, 9))
    full = everything.astype(np.uint8)
    assert np.isnan(boundary_f(full, nothing.astype(np.uint8), full))
    assert boundary_f(square, 1 - square, np.zeros_like(square)) == 0.0
    assert boundary_f(np.ones_like(square), np.zeros_like(square), square) == 0.0


def test_a_boundary_against_pixels_that_do_not_count_is_none():
    truth = _square(30)
    outside = 1 - truth
    outside[:, 50:] = 0  # right of the square nothing counts
    predicted = truth.copy()
    predicted[:, 50:] = 1
    assert boundary_f(truth, outside, predicted) == 1.0
    # Without its four upper rows 36 of 54 pixels are right, and 36 of 58 are found.
    predicted[30:34] = 0
    assert boundary_f(truth, outside, predicted) == pytest.approx(72 / 112, abs=1e-12)


def test_scores_are_averaged_over_the_images_that_hold_the_class():
    possible = np.zeros(256, np.uint32)
    possible[[0, 1]] = 1, 2
    scores = BoundaryScores(LabelMap(CLASS_SETS['drivable'].table, possible))
    scores.update(_square(30), _square(30))
    scores.update(_square(30), _square(35))
    scores.update(np.zeros((100, 100), np.uint8), np.zeros((100, 100), np.uint8))
    # Around this square nothing is labelled.
    scores.update(np.where(_square(30), 1, 9).astype(np.uint8), _square(30))
    expected = {'other': (1 + 34 / 80) / 2, 'drivable': (1 + 34 / 76) / 2}
    assert scores.mean_by_class() == pytest.approx(expected, abs=1e-12)


def test_a_coarse_label_bounds_the_classes_that_it_cannot_be():
    classes = CLASS_SETS['driving']
    scores = BoundaryScores(classes.labels(13))
    tags = np.where(_square(30), 7, 0).astype(np.uint8)  # road in what has no name
    ids = classes.table.ids_by_name
    predicted = np.where(_square(35), ids['road'], ids['sky']).astype(np.uint8)
    scores.update(tags, predicted)
    known = {n: s for n, s in scores.mean_by_class().items() if not np.isnan(s)}
    assert known == pytest.approx({'road': 34 / 76}, abs=1e-12)
