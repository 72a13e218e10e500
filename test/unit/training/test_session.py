"""What a training learns, writes and repeats, in one process or two, and when it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
import yaml
from support.trainings import are_equal, quiet, weights

from unet_seg_ros import __version__
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.training.checkpoint import load_checkpoint
from unet_seg_ros.training.recipe import Loss
from unet_seg_ros.training.recipe_file import read_recipe
from unet_seg_ros.training.session import train

pytestmark = pytest.mark.training


def test_it_learns_two_frames_by_heart(recipe, options):
    network = dataclasses.replace(recipe.network, base_channels=12)
    gentle = tuple(dataclasses.replace(s, gentle_end=1.0) for s in recipe.sources)
    recipe = dataclasses.replace(recipe, samples_per_pass=240, sources=gentle, network=network)
    task = train(recipe, options, quiet)
    assert task.scores['streets']['mean'] > 0.9
    assert task.scores['streets']['roadline'] > 0.8


def test_coarse_and_fine_recordings_train_one_model(recipe, options):
    """One keeps road, line and sidewalk only; the other tells the sky from houses."""
    ids = CARLA_TAGS[29].ids_by_name
    for part in ('rgb', 'label'):
        (options.data_root / 'fine' / part).mkdir(parents=True)
    for name in ('0', '1'):
        kept = cv2.imread(str(options.data_root / 'streets' / 'label' / f'{name}.png'), -1)
        fine = np.array([0, ids['RoadLines'], ids['Roads'], ids['Sidewalks']], np.uint8)
        tags = fine[np.where(kept, kept - 5, 0)]
        tags[:20] = ids['Sky']
        tags[10:20] = ids['Buildings']
        image = cv2.imread(str(options.data_root / 'streets' / 'rgb' / f'{name}.png'))
        image[10:20] = (20, 40, 120)
        cv2.imwrite(str(options.data_root / 'fine' / 'rgb' / f'{name}.png'), image)
        cv2.imwrite(str(options.data_root / 'fine' / 'label' / f'{name}.png'), tags)
    only = ('RoadLine', 'Road', 'Sidewalk')
    coarse = dataclasses.replace(recipe.sources[0], only=only, gentle_end=1.0)
    fine_source = dataclasses.replace(coarse, name='fine', folder='fine', tags=29, only=())
    scored = dataclasses.replace(recipe.validation[0], only=only)
    mixed = dataclasses.replace(
        recipe,
        classes='driving',
        sources=(coarse, fine_source),
        validation=(scored,),
        samples_per_pass=240,
        network=dataclasses.replace(recipe.network, base_channels=12),
    )
    task = train(mixed, options, quiet)
    assert task.scores['streets']['road'] > 0.8
    # The coarse recording says of what is above the road only that it is none of the three, yet
    # the model knows it for sky: from the other recording.
    image = cv2.imread(str(options.data_root / 'streets' / 'rgb' / '0.png'))
    above = task.eval().predict(image[np.newaxis])[0, :8]
    assert (above == mixed.class_set.table.ids_by_name['sky']).mean() > 0.8
    told = load_checkpoint(options.output / 'best.ckpt').data['training']
    assert told[0]['classes'] == ['roadline', 'road', 'sidewalk']
    assert told[1]['classes'] == ['roadline', 'road', 'sidewalk', 'structure', 'sky']


def test_a_run_folder_holds_checkpoints_scores_and_the_recipe(recipe, options):
    train(dataclasses.replace(recipe, passes=2), options, quiet)
    names = sorted(path.name for path in options.output.iterdir())
    assert names == ['best.ckpt', 'environment.json', 'last.ckpt', 'metrics.csv', 'recipe.yaml']
    assert read_recipe(options.output / 'recipe.yaml').passes == 2
    rows = (options.output / 'metrics.csv').read_text().splitlines()
    assert 'streets/roadline' in rows[0]
    assert [row.split(',')[0] for row in rows] == ['pass', '1', '2']
    trained = load_checkpoint(options.output / 'best.ckpt')
    assert trained.recipe.name == 'tiny'
    assert load_checkpoint(options.output / 'last.ckpt').steps == 8


def test_the_environment_is_told(recipe, options):
    train(recipe, options, quiet)
    (told,) = json.loads((options.output / 'environment.json').read_text())
    assert told['torch'] == torch.__version__
    assert told['unet_seg_ros'] == __version__


def test_the_seed_decides_the_weights(recipe, options, tmp_path):
    runs = []
    for seed, name in ((1, 'a'), (1, 'b'), (2, 'c')):
        run = dataclasses.replace(options, output=tmp_path / name)
        train(dataclasses.replace(recipe, seed=seed), run, quiet)
        runs.append(weights(run))
    assert are_equal(runs[0], runs[1])
    assert not are_equal(runs[0], runs[2])


def test_gathered_gradients_are_those_of_a_larger_batch(recipe, options, tmp_path):
    """Without batch norm, whose statistics are those of the small batch."""
    network = dataclasses.replace(recipe.network, batch_norm=False)
    recipe = dataclasses.replace(recipe, network=network, precision='32-true', batch_size=8)
    train(recipe, options, quiet)
    small = dataclasses.replace(recipe, batch_size=4, accumulate=2)
    train(small, dataclasses.replace(options, output=tmp_path / 'small'), quiet)
    whole, parts = (
        weights(dataclasses.replace(options, output=tmp_path / n)) for n in ('run', 'small')
    )
    assert load_checkpoint(tmp_path / 'small' / 'last.ckpt').steps == 2
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-5)


def test_two_processes_give_what_one_gives(recipe, options, tmp_path):
    """Gloo on the CPU, each with half of every batch; several GPUs are not tried here."""
    network = dataclasses.replace(recipe.network, batch_norm=False)
    loss = Loss(balance=0.5, boundary=1.0)
    recipe = dataclasses.replace(recipe, network=network, precision='32-true', passes=2, loss=loss)
    train(recipe, options, quiet)
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(recipe.to_dict()))
    command = [
        *(sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2'),
        *('-m', 'unet_seg_ros.cli.main', 'train', f'--recipe={path}'),
        *(f'--output={tmp_path / "two"}', f'--data-root={options.data_root}'),
        f'--cache={options.cache}',
    ]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert result.returncode == 0, result.stderr
    one, two = (load_checkpoint(tmp_path / n / 'last.ckpt') for n in ('run', 'two'))
    assert one.steps == two.steps == 8
    scores: list[list[float]] = []
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(two.network.state_dict()[name], value, rtol=1e-3, atol=1e-5)
    for name in ('run', 'two'):
        (header, *_, last) = (tmp_path / name / 'metrics.csv').read_text().splitlines()
        row = dict(zip(header.split(','), last.split(','), strict=True))
        scores.append([float(v) for n, v in row.items() if n not in ('seconds',)])
    assert scores[1] == pytest.approx(scores[0], rel=1e-3, abs=1e-4)


def test_a_training_without_better_scores_ends_early(recipe, options):
    # Batch norms would go on learning.
    network = dataclasses.replace(recipe.network, batch_norm=False)
    hopeless = dataclasses.replace(
        recipe, network=network, passes=50, patience=2, learning_rate=1e-12
    )
    train(hopeless, options, quiet)
    assert load_checkpoint(options.output / 'last.ckpt').passes == 3


def test_a_time_limit_ends_a_training(recipe, options):
    limited = dataclasses.replace(options, max_minutes=1e-6)
    train(dataclasses.replace(recipe, passes=1000), limited, quiet)
    trained = load_checkpoint(options.output / 'last.ckpt')
    assert trained.passes == 1
    assert (options.output / 'best.ckpt').is_file()
