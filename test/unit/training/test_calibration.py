"""Reliability bins against torchmetrics, and temperatures that are known beforehand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCalibrationError

from unet_seg_ros.training.calibration import (
    Reliability,
    best_temperature,
    draw_pixels,
    known_pixels,
)

pytestmark = pytest.mark.training


def _random(count: int, num_classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(count, num_classes, generator=generator) * 2
    return logits, torch.randint(num_classes, (count,), generator=generator)


def test_ece_is_that_of_torchmetrics_and_nll_that_of_torch():
    logits, truth = _random(20_000)
    reliability = Reliability()
    for part in torch.arange(20_000).chunk(7):
        reliability.update(logits[part], truth[part])
    expected = MulticlassCalibrationError(4, n_bins=15, norm='l1')(logits.softmax(1), truth)
    assert reliability.ece() == pytest.approx(float(expected), rel=1e-5)
    nll = torch.nn.functional.cross_entropy(logits.double(), truth)
    assert reliability.nll() == pytest.approx(float(nll), rel=1e-6)
    assert reliability.num_pixels.sum() == 20_000


def test_bins_by_hand():
    reliability = Reliability()
    probability = torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9], [1.0, 0.0]])
    reliability.update(probability.clamp_min(1e-30).log(), torch.tensor([0, 0, 0, 0]))
    assert np.flatnonzero(reliability.num_pixels).tolist() == [7, 13, 14]
    assert reliability.num_pixels[[7, 13, 14]].tolist() == [1, 2, 1]
    assert reliability.num_right[[7, 13, 14]].tolist() == [1, 1, 1]
    assert reliability.accuracy()[[7, 13, 14]].tolist() == [1.0, 0.5, 1.0]
    assert reliability.confidence()[[7, 13, 14]] == pytest.approx([0.5, 0.9, 1.0])
    assert reliability.ece() == pytest.approx((0.5 + 0.8 + 0.0) / 4)
    assert np.isnan(reliability.accuracy()[0])


def test_without_a_pixel_nothing_is_known():
    reliability = Reliability()
    reliability.update(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    assert np.isnan(reliability.ece())
    assert np.isnan(reliability.nll())


def test_reliability_survives_json():
    reliability = Reliability()
    reliability.update(*_random(500))
    plain = json.loads(json.dumps(reliability.to_dict()))
    assert Reliability.from_dict(plain).to_dict() == reliability.to_dict()


@pytest.mark.parametrize('temperature', [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature):
    generator = torch.Generator().manual_seed(1)
    calibrated = torch.randn(200_000, 4, generator=generator) * 2
    truth = torch.multinomial(calibrated.softmax(1), 1, generator=generator)[:, 0]
    assert best_temperature(calibrated * temperature, truth) == pytest.approx(
        temperature, rel=0.02
    )


def test_a_temperature_stays_within_its_range():
    logits = torch.tensor([[1.0, 0.0]]).repeat(8, 1)
    right = torch.zeros(8, dtype=torch.int64)
    assert best_temperature(logits, right) == pytest.approx(0.25)
    assert best_temperature(logits, 1 - right) == pytest.approx(8.0)
    assert best_temperature(logits[:0], right[:0]) == 1.0


def test_pixels_of_no_known_class_are_left_out():
    logits = torch.arange(24.0).reshape(2, 3, 4)
    truth = np.full((3, 4), 255, np.uint8)
    truth[1, 2], truth[2, 3], truth[0, 0] = 1, 0, 2  # 2 is K: wrong, whatever it is
    known, ids = known_pixels(logits, truth)
    assert known.tolist() == [[6.0, 18.0], [11.0, 23.0]]
    assert ids.tolist() == [1, 0]


def test_drawn_pixels_are_different_ones():
    logits = torch.arange(200.0).reshape(2, 10, 10)
    truth = np.zeros((10, 10), np.uint8)
    drawn, ids = draw_pixels(logits, truth, 60, np.random.default_rng(0))
    assert len(set(drawn[:, 0].tolist())) == len(ids) == 60
    assert torch.equal(drawn[:, 1] - drawn[:, 0], torch.full((60,), 100.0))
    assert len(draw_pixels(logits, truth, 1000, np.random.default_rng(0))[1]) == 100
