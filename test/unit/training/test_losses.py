from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from unet_seg_ros.training.losses import cross_entropy, dice_loss, members, near_boundaries

pytestmark = pytest.mark.training

K = 4
ONES = torch.ones(K)


@pytest.fixture
def logits():
    return torch.randn(2, K, 5, 6, generator=torch.manual_seed(0))


@pytest.fixture
def ids():
    return torch.randint(0, K, (2, 5, 6), generator=torch.manual_seed(1))


def _bits(ids: torch.Tensor) -> torch.Tensor:
    return (1 << ids).int()


def test_bits_become_members():
    possible = torch.tensor([[[0b0001, 0b1010, 0]]], dtype=torch.int32)
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert members(possible, K)[0, :, 0].int().tolist() == expected


def test_it_is_torchs_cross_entropy_where_classes_are_known(logits, ids):
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    loss = cross_entropy(logits, members(_bits(ids), K), weights)
    assert loss.item() == pytest.approx(functional.cross_entropy(logits, ids, weights).item())


def test_under_a_coarse_label_probabilities_are_summed(logits):
    possible = torch.full((2, 5, 6), 0b0110, dtype=torch.int32)
    probability = logits.softmax(1)[:, 1:3].sum(1)
    loss = cross_entropy(logits, members(possible, K), ONES)
    assert loss.item() == pytest.approx(-probability.log().mean().item())


def test_what_does_not_count_has_no_loss_and_no_gradient(logits, ids):
    possible = _bits(ids)
    possible[0] = 0
    logits.requires_grad_()
    loss = cross_entropy(logits, members(possible, K), ONES)
    loss.backward()
    expected = functional.cross_entropy(logits[1:], ids[1:])
    assert loss.item() == pytest.approx(expected.item())
    assert logits.grad is not None
    assert not logits.grad[0].any()
    assert logits.grad[1].isfinite().all()


def test_a_batch_in_which_nothing_counts_costs_nothing(logits):
    may_be = members(torch.zeros(2, 5, 6, dtype=torch.int32), K)
    assert cross_entropy(logits, may_be, ONES).item() == 0.0
    assert dice_loss(logits, may_be).item() == 0.0


def test_pixels_can_be_weighted(logits, ids):
    weights = torch.zeros(2, 5, 6)
    weights[1] = 2.0
    loss = cross_entropy(logits, members(_bits(ids), K), ONES, weights)
    expected = functional.cross_entropy(logits[1:], ids[1:])
    assert loss.item() == pytest.approx(expected.item())


def test_dice_is_zero_when_all_is_right_and_one_when_all_is_wrong(ids):
    right = 50.0 * functional.one_hot(ids, K).movedim(-1, 1).float()
    may_be = members(_bits(ids), K)
    assert dice_loss(right, may_be).item() == pytest.approx(0.0, abs=1e-6)
    assert dice_loss(right.roll(1, dims=1), may_be).item() == pytest.approx(1.0)


def test_dice_counts_a_rare_class_as_much_as_a_common_one():
    ids = torch.zeros(1, 1, 100, dtype=torch.long)
    ids[..., 0] = 1
    all_common = 50.0 * functional.one_hot(torch.zeros_like(ids), 2).movedim(-1, 1).float()
    # The common class: 2 * 99 of 100 + 99; the rare one: nothing.
    expected = 1.0 - (198 / 199 + 0.0) / 2
    assert dice_loss(all_common, members(_bits(ids), 2)).item() == pytest.approx(expected)


def test_boundaries_have_two_sides():
    possible = torch.tensor([[[1, 1, 2, 2], [1, 1, 2, 2], [1, 1, 1, 1]]], dtype=torch.int32)
    expected = [[0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert near_boundaries(possible)[0].int().tolist() == expected
