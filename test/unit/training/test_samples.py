from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from unet_seg_ros.core import geometry, scoring, segmenter
from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.classes import UNKNOWN_ID
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training import assessment, augmentation, quantization
from unet_seg_ros.training.augmentation import Variation, augment
from unet_seg_ros.training.bonnet import add_bonnet
from unet_seg_ros.training.frames import load_source
from unet_seg_ros.training.samples import DrawnSamples, Mixture, PassSampler

pytestmark = pytest.mark.training

INPUT = NetworkInput(ImageSize(16, 32))
STRONG = Variation(window=0.5)
GENTLE = Variation(gentle=True)


def _frame(height: int = 40, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 4, (height // 8, width // 8), dtype=np.uint8)
    ids = ids.repeat(8, 0).repeat(8, 1)
    return np.stack([60 * ids] * 3, axis=-1), ids


def test_training_brings_images_to_the_network_as_the_vehicle_does():
    """What would go wrong unseen otherwise: a model that never saw what the vehicle gives it."""
    for module in (assessment, augmentation, quantization, scoring):
        assert module.NetworkInput is geometry.NetworkInput
    assert segmenter.geometry_of is geometry.geometry_of


def test_beside_a_letterboxed_image_nothing_is_learned():
    image, ids = _frame(40, 40)
    changed = augment(
        image + 1, ids, INPUT._replace(fit='letterbox'), np.random.default_rng(0), GENTLE
    )
    inside = np.s_[:, 8:24]
    assert (changed[1][inside] < 4).all()
    outside = np.delete(changed[1], np.s_[8:24], axis=1)
    assert (outside == UNKNOWN_ID).all()


@pytest.mark.parametrize('variation', [STRONG, GENTLE, Variation(bonnet=1.0, bonnet_id=3)])
@pytest.mark.parametrize('seed', range(8))
def test_augment_gives_the_size_and_known_ids(seed, variation):
    image, ids = augment(*_frame(), INPUT, np.random.default_rng(seed), variation)
    assert image.shape == (16, 32, 3)
    assert image.dtype == ids.dtype == np.uint8
    assert set(np.unique(ids)) <= {0, 1, 2, 3}


@pytest.mark.parametrize('seed', range(8))
def test_augment_moves_labels_with_the_pixels(seed):
    """Brighter ids stay brighter, whatever was done to colours, place and sharpness."""
    image, ids = augment(*_frame(), INPUT, np.random.default_rng(seed), STRONG)
    grey = image.mean(axis=2)
    assert np.corrcoef(grey.ravel(), ids.ravel())[0, 1] > 0.6


def test_augment_leaves_its_input_alone():
    image, ids = _frame()
    before = image.copy(), ids.copy()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        augment(image, ids, NetworkInput(ImageSize(40, 80)), rng, Variation(bonnet=1.0))
    assert np.array_equal(image, before[0])
    assert np.array_equal(ids, before[1])


def test_a_gentle_variant_keeps_its_place():
    image, ids = _frame(*INPUT.size)
    for seed in range(4):
        changed = augment(image, ids, INPUT, np.random.default_rng(seed), GENTLE)
        assert np.array_equal(changed[1], ids)
        assert np.corrcoef(changed[0].ravel(), image.ravel())[0, 1] > 0.99


def test_what_must_not_be_mirrored_is_not():
    image, ids = _frame(*INPUT.size)
    variation = Variation(window=0.0, flip=False)
    for seed in range(8):
        changed = augment(image, ids, INPUT, np.random.default_rng(seed), variation)
        assert np.array_equal(changed[1], ids)


@pytest.mark.parametrize('seed', range(8))
def test_a_bonnet_covers_the_lower_border_and_leaves_the_rest(seed):
    image, ids = _frame()
    covered, labels = add_bonnet(image, ids, 9, np.random.default_rng(seed))
    bonnet = labels == 9
    assert bonnet[-1, 40]
    assert not bonnet[: len(ids) // 2].any()
    assert 0.02 < bonnet.mean() < 0.5
    assert np.array_equal(covered[~bonnet], image[~bonnet])
    assert np.array_equal(labels[~bonnet], ids[~bonnet])
    # Once it has begun, a column of it goes down to the border.
    assert (np.diff(bonnet.astype(int), axis=0) >= 0).all()


def _mixture(lengths: list, shares: list, num_samples: int, seed: int = 1) -> Mixture:
    return Mixture(lengths, shares, num_samples, seed, lambda source, number, share: False)


def _draws(mixture: Mixture, number: int) -> list:
    return list(mixture.draw(number))


def test_each_source_gets_its_share():
    draws = _draws(_mixture([10, 3], [3.0, 1.0], 40), 0)
    assert Counter(d.source for d in draws) == {0: 30, 1: 10}


def test_a_source_is_gone_through_before_it_repeats():
    draws = _draws(_mixture([10, 3], [3.0, 1.0], 40), 0)
    assert set(Counter(d.frame for d in draws if d.source == 0).values()) == {3}
    assert set(Counter(d.frame for d in draws if d.source == 1).values()) == {3, 4}


def test_a_pass_depends_on_the_seed_and_its_number_alone():
    first, again = (_mixture([10, 3], [1.0, 1.0], 20) for _ in range(2))
    _draws(first, 0)
    assert _draws(first, 1) == _draws(again, 1)
    assert _draws(first, 1) != _draws(first, 2)
    assert _draws(first, 1) != _draws(_mixture([10, 3], [1.0, 1.0], 20, seed=2), 1)


def test_gentleness_is_asked_for_with_the_place_of_the_draw():
    asked = []

    def is_gentle(*place):
        asked.append(place)
        return len(asked) > 2

    mixture = Mixture([3], [1.0], 4, 1, is_gentle)
    assert [d.gentle for d in mixture.draw(7)] == [False, False, True, True]
    assert asked == [(0, 7, 0.0), (0, 7, 0.25), (0, 7, 0.5), (0, 7, 0.75)]


def _batches(rank: int, num_ranks: int, done: int = 0) -> list:
    sampler = PassSampler(_mixture([50], [1.0], 22), 4, rank, num_ranks, lambda: (3, done))
    assert len(sampler) == 5
    return list(sampler)


def test_processes_share_each_batch_out():
    whole, parts = _batches(0, 1), [_batches(rank, 2) for rank in (0, 1)]
    assert [len(batch) for batch in whole] == [4] * 5
    for batch, first, second in zip(whole, *parts, strict=True):
        assert batch == [first[0], second[0], first[1], second[1]]


def test_a_pass_goes_on_after_the_batches_that_are_done():
    assert _batches(0, 1, done=2) == _batches(0, 1)[2:]


def test_one_draw_gives_one_sample(recipe, data_root, tmp_path):
    frames = load_source(recipe.sources[0], ROAD_CLASSES, data_root, tmp_path, lambda *_: None)
    samples = DrawnSamples([frames], INPUT)
    draw = _draws(_mixture([2], [1.0], 1), 0)[0]
    (image, possible), (image_2, possible_2) = samples[draw], samples[draw]
    assert image.shape == (16, 32, 3)
    assert possible.dtype == torch.int32
    assert set(possible.unique().tolist()) <= {1, 2, 4, 8}
    assert image.equal(image_2)
    assert possible.equal(possible_2)
