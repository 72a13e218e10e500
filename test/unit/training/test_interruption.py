"""A training that ends early and goes on as if it had not, or may not go on."""

from __future__ import annotations

import dataclasses
import signal

import pytest
from lightning.pytorch.callbacks import Callback
from support.trainings import are_equal, quiet, weights

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.training.checkpoint import load_checkpoint
from unet_seg_ros.training.session import train

pytestmark = pytest.mark.training


def test_a_resumed_training_goes_on_where_it_stopped(recipe, options):
    train(recipe, options, quiet)
    longer = dataclasses.replace(recipe, passes=3)
    train(longer, dataclasses.replace(options, resume=True), quiet)
    trained = load_checkpoint(options.output / 'last.ckpt')
    assert (trained.passes, trained.steps) == (3, 12)
    assert len((options.output / 'metrics.csv').read_text().splitlines()) == 1 + 3


class _InterruptAt(Callback):
    """Ctrl-C while a step runs."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(self, trainer, *_) -> None:
        if trainer.global_step == self._step:
            self._step = -1
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ('step', 'kept', 'changes', 'num_workers'),
    [
        (3, 4, {}, 0),  # the last step of a pass
        (4, 5, {}, 0),  # the first one
        (6, 7, {}, 0),
        (6, 7, {}, 1),
        (3, 4, {}, 1),
        (2, 3, {'accumulate': 2, 'batch_size': 2}, 0),
    ],
)
def test_an_interrupted_training_gives_what_an_uninterrupted_one_gives(
    recipe, options, tmp_path, step, kept, changes, num_workers
):
    """Four steps make a pass; of two batches each where gradients are gathered."""
    recipe = dataclasses.replace(recipe, passes=3, **changes)
    options = dataclasses.replace(options, num_workers=num_workers)
    train(recipe, options, quiet)
    broken = dataclasses.replace(options, output=tmp_path / 'broken')
    with pytest.raises(KeyboardInterrupt):
        train(recipe, broken, quiet, [_InterruptAt(step)])
    assert load_checkpoint(broken.output / 'last.ckpt').steps == kept
    train(recipe, dataclasses.replace(broken, resume=True), quiet)
    assert load_checkpoint(broken.output / 'last.ckpt').steps == 12
    assert are_equal(weights(broken), weights(options))
    rows = [(o.output / 'metrics.csv').read_text().splitlines() for o in (broken, options)]
    assert [[row.split(',')[0] for row in each] for each in rows] == [['pass', '1', '2', '3']] * 2


def test_another_network_is_not_resumed_from(recipe, options):
    train(recipe, options, quiet)
    wider = dataclasses.replace(recipe.network, base_channels=6)
    other = dataclasses.replace(recipe, network=wider)
    with pytest.raises(ConfigurationError, match=r'was trained with network .*start anew'):
        train(other, dataclasses.replace(options, resume=True), quiet)


def test_a_run_folder_is_not_overwritten(recipe, options):
    train(recipe, options, quiet)
    with pytest.raises(ConfigurationError, match='holds a training already; add --resume'):
        train(recipe, options, quiet)


def test_there_must_be_something_to_resume(recipe, options):
    with pytest.raises(ConfigurationError, match=r'no last\.ckpt to resume from'):
        train(recipe, dataclasses.replace(options, resume=True), quiet)
