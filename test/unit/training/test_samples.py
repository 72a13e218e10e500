from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from unet_seg_ros.core import resize, scoring, segmenter
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training import augmentation, export
from unet_seg_ros.training.augmentation import augment
from unet_seg_ros.training.samples import DrawnSamples, MixedSampler

pytestmark = pytest.mark.training

SIZE = ImageSize(16, 32)


def _frame(height: int = 40, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 4, (height // 8, width // 8), dtype=np.uint8)
    ids = ids.repeat(8, 0).repeat(8, 1)
    return np.stack([60 * ids] * 3, axis=-1), ids


def test_training_resizes_with_the_function_of_the_vehicle():
    """What would go wrong unseen otherwise: a model that never saw what the vehicle gives it."""
    for module in (augmentation, export, scoring, segmenter):
        assert module.resize_image is resize.resize_image
    for module in (augmentation, scoring, segmenter):
        assert module.resize_ids is resize.resize_ids


@pytest.mark.parametrize('gentle', [False, True])
@pytest.mark.parametrize('seed', range(8))
def test_augment_gives_the_size_and_known_ids(seed, gentle):
    image, ids = augment(*_frame(), SIZE, np.random.default_rng(seed), gentle=gentle)
    assert image.shape == (16, 32, 3)
    assert image.dtype == ids.dtype == np.uint8
    assert set(np.unique(ids)) <= {0, 1, 2, 3}


@pytest.mark.parametrize('seed', range(8))
def test_augment_moves_labels_with_the_pixels(seed):
    """Brighter ids stay brighter, whatever was done to colours, place and sharpness."""
    image, ids = augment(*_frame(), SIZE, np.random.default_rng(seed))
    grey = image.mean(axis=2)
    assert np.corrcoef(grey.ravel(), ids.ravel())[0, 1] > 0.6


def test_augment_leaves_its_input_alone():
    image, ids = _frame()
    before = image.copy(), ids.copy()
    for seed in range(8):
        augment(image, ids, ImageSize(40, 80), np.random.default_rng(seed))
    assert np.array_equal(image, before[0])
    assert np.array_equal(ids, before[1])


def _sampler(lengths: list, shares: list, num_samples: int, seed: int = 1) -> MixedSampler:
    return MixedSampler(lengths, shares, num_samples, seed, lambda: False)


def _draws(sampler: MixedSampler, number: int) -> list:
    sampler.set_epoch(number)
    return list(sampler)


def test_each_source_gets_its_share():
    draws = _draws(_sampler([10, 3], [3.0, 1.0], 40), 0)
    assert Counter(d.source for d in draws) == {0: 30, 1: 10}


def test_a_source_is_gone_through_before_it_repeats():
    draws = _draws(_sampler([10, 3], [3.0, 1.0], 40), 0)
    assert set(Counter(d.frame for d in draws if d.source == 0).values()) == {3}
    assert set(Counter(d.frame for d in draws if d.source == 1).values()) == {3, 4}


def test_a_pass_depends_on_the_seed_and_its_number_alone():
    first, again = (_sampler([10, 3], [1.0, 1.0], 20) for _ in range(2))
    _draws(first, 0)
    assert _draws(first, 1) == _draws(again, 1)
    assert _draws(first, 1) != _draws(first, 2)
    assert _draws(first, 1) != _draws(_sampler([10, 3], [1.0, 1.0], 20, seed=2), 1)


def test_gentleness_is_asked_for_at_every_draw():
    answers = iter([False, True, True])
    sampler = MixedSampler([3], [1.0], 3, seed=1, is_gentle=lambda: next(answers))
    assert [d.gentle for d in sampler] == [False, True, True]


def test_a_gentle_variant_keeps_its_place():
    image, ids = _frame(*SIZE)
    for seed in range(4):
        changed = augment(image, ids, SIZE, np.random.default_rng(seed), gentle=True)
        assert np.array_equal(changed[1], ids)
        assert np.corrcoef(changed[0].ravel(), image.ravel())[0, 1] > 0.99


def test_one_draw_gives_one_sample():
    samples = DrawnSamples([[_frame()]], SIZE)
    draw = _draws(_sampler([1], [1.0], 1), 0)[0]
    (image, ids), (image_2, ids_2) = samples[draw], samples[draw]
    assert image.shape == (16, 32, 3)
    assert image.equal(image_2)
    assert ids.equal(ids_2)
