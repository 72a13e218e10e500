from __future__ import annotations

import dataclasses

import pytest
import torch

from unet_seg_ros.core.errors import ConfigurationError, UserError
from unet_seg_ros.training.checkpoint import load_checkpoint
from unet_seg_ros.training.recipe import read_recipe
from unet_seg_ros.training.session import train
from unet_seg_ros.training.task import DivergedError

pytestmark = pytest.mark.training


def _quiet(*_: object) -> None:
    pass


def _weights(options) -> dict:
    return load_checkpoint(options.output / 'last.ckpt').network.state_dict()


def _equal(a: dict, b: dict) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_two_frames_by_heart(recipe, options):
    network = dataclasses.replace(recipe.network, base_channels=12)
    recipe = dataclasses.replace(recipe, samples_per_pass=240, gentle_end=1.0, network=network)
    task = train(recipe, options, _quiet)
    assert task.scores['streets']['mean'] > 0.9
    assert task.scores['streets']['roadline'] > 0.8


def test_a_run_folder_holds_checkpoints_scores_and_the_recipe(recipe, options):
    train(dataclasses.replace(recipe, passes=2), options, _quiet)
    names = sorted(path.name for path in options.output.iterdir())
    assert names == ['best.ckpt', 'last.ckpt', 'metrics.csv', 'recipe.yaml']
    assert read_recipe(options.output / 'recipe.yaml').passes == 2
    rows = (options.output / 'metrics.csv').read_text().splitlines()
    assert 'streets/roadline' in rows[0]
    assert [row.split(',')[0] for row in rows] == ['pass', '1', '2']
    trained = load_checkpoint(options.output / 'best.ckpt')
    assert trained.recipe.name == 'tiny'
    assert load_checkpoint(options.output / 'last.ckpt').steps == 8


def test_the_seed_decides_the_weights(recipe, options, tmp_path):
    runs = []
    for seed, name in ((1, 'a'), (1, 'b'), (2, 'c')):
        run = dataclasses.replace(options, output=tmp_path / name)
        train(dataclasses.replace(recipe, seed=seed), run, _quiet)
        runs.append(_weights(run))
    assert _equal(runs[0], runs[1])
    assert not _equal(runs[0], runs[2])


def test_a_resumed_training_goes_on_where_it_stopped(recipe, options):
    train(recipe, options, _quiet)
    longer = dataclasses.replace(recipe, passes=3)
    train(longer, dataclasses.replace(options, resume=True), _quiet)
    trained = load_checkpoint(options.output / 'last.ckpt')
    assert (trained.passes, trained.steps) == (3, 12)
    assert len((options.output / 'metrics.csv').read_text().splitlines()) == 1 + 3


def test_a_time_limit_ends_a_training(recipe, options):
    limited = dataclasses.replace(options, max_minutes=1e-6)
    train(dataclasses.replace(recipe, passes=1000), limited, _quiet)
    trained = load_checkpoint(options.output / 'last.ckpt')
    assert trained.passes == 1
    assert (options.output / 'best.ckpt').is_file()


def test_a_run_folder_is_not_overwritten(recipe, options):
    train(recipe, options, _quiet)
    with pytest.raises(ConfigurationError, match='holds a training already; add --resume'):
        train(recipe, options, _quiet)


def test_there_must_be_something_to_resume(recipe, options):
    with pytest.raises(ConfigurationError, match=r'no last\.ckpt to resume from'):
        train(recipe, dataclasses.replace(options, resume=True), _quiet)


def test_a_missing_folder_is_named_with_the_option_that_moves_it(recipe, options, tmp_path):
    elsewhere = dataclasses.replace(options, data_root=tmp_path / 'none')
    with pytest.raises(UserError, match=r'source streets: .*none/streets.*--data-root'):
        train(recipe, elsewhere, _quiet)


def test_an_input_that_does_not_divide_is_refused(recipe, options):
    wrong = dataclasses.replace(recipe, input=recipe.input._replace(width=97))
    with pytest.raises(ConfigurationError, match='use 96x48'):
        train(wrong, options, _quiet)


def test_a_loss_that_is_no_number_ends_in_one_line(recipe, options):
    wild = dataclasses.replace(recipe, learning_rate=1e30, passes=5)
    with pytest.raises(DivergedError, match='lower learning_rate') as caught:
        train(wild, options, _quiet)
    assert '\n' not in str(caught.value)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / 'best.ckpt'
    path.write_bytes(b'nothing of the kind')
    with pytest.raises(ConfigurationError, match='not a checkpoint of `unet-seg train`'):
        load_checkpoint(path)
