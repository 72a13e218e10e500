from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback

from unet_seg_ros import __version__
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError, RecordingError, UserError
from unet_seg_ros.training.checkpoint import load_checkpoint
from unet_seg_ros.training.recipe import Loss
from unet_seg_ros.training.recipe_file import read_recipe
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
    gentle = tuple(dataclasses.replace(s, gentle_end=1.0) for s in recipe.sources)
    recipe = dataclasses.replace(recipe, samples_per_pass=240, sources=gentle, network=network)
    task = train(recipe, options, _quiet)
    assert task.scores['streets']['mean'] > 0.9
    assert task.scores['streets']['roadline'] > 0.8


def test_a_run_folder_holds_checkpoints_scores_and_the_recipe(recipe, options):
    train(dataclasses.replace(recipe, passes=2), options, _quiet)
    names = sorted(path.name for path in options.output.iterdir())
    assert names == ['best.ckpt', 'environment.json', 'last.ckpt', 'metrics.csv', 'recipe.yaml']
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
    train(recipe, options, _quiet)
    broken = dataclasses.replace(options, output=tmp_path / 'broken')
    with pytest.raises(KeyboardInterrupt):
        train(recipe, broken, _quiet, [_InterruptAt(step)])
    assert load_checkpoint(broken.output / 'last.ckpt').steps == kept
    train(recipe, dataclasses.replace(broken, resume=True), _quiet)
    assert load_checkpoint(broken.output / 'last.ckpt').steps == 12
    assert _equal(_weights(broken), _weights(options))
    rows = [(o.output / 'metrics.csv').read_text().splitlines() for o in (broken, options)]
    assert [[row.split(',')[0] for row in each] for each in rows] == [['pass', '1', '2', '3']] * 2


def test_another_network_is_not_resumed_from(recipe, options):
    train(recipe, options, _quiet)
    wider = dataclasses.replace(recipe.network, base_channels=6)
    other = dataclasses.replace(recipe, network=wider)
    with pytest.raises(ConfigurationError, match=r'was trained with network .*start anew'):
        train(other, dataclasses.replace(options, resume=True), _quiet)


def test_gathered_gradients_are_those_of_a_larger_batch(recipe, options, tmp_path):
    """Without batch norm, whose statistics are those of the small batch."""
    network = dataclasses.replace(recipe.network, batch_norm=False)
    recipe = dataclasses.replace(recipe, network=network, precision='32-true', batch_size=8)
    train(recipe, options, _quiet)
    small = dataclasses.replace(recipe, batch_size=4, accumulate=2)
    train(small, dataclasses.replace(options, output=tmp_path / 'small'), _quiet)
    whole, parts = (
        _weights(dataclasses.replace(options, output=tmp_path / n)) for n in ('run', 'small')
    )
    assert load_checkpoint(tmp_path / 'small' / 'last.ckpt').steps == 2
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-5)


def test_two_processes_give_what_one_gives(recipe, options, tmp_path):
    """Gloo on the CPU, each with half of every batch; several GPUs are not tried here."""
    network = dataclasses.replace(recipe.network, batch_norm=False)
    loss = Loss(balance=0.5, boundary=1.0)
    recipe = dataclasses.replace(recipe, network=network, precision='32-true', passes=2, loss=loss)
    train(recipe, options, _quiet)
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
    train(hopeless, options, _quiet)
    assert load_checkpoint(options.output / 'last.ckpt').passes == 3


def test_the_environment_is_told(recipe, options):
    train(recipe, options, _quiet)
    (told,) = json.loads((options.output / 'environment.json').read_text())
    assert told['torch'] == torch.__version__
    assert told['unet_seg_ros'] == __version__


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
    with pytest.raises(DivergedError, match=r'diverged_batch\.pt.*lower learning_rate') as caught:
        train(wild, options, _quiet)
    assert '\n' not in str(caught.value)
    batch = torch.load(options.output / 'diverged_batch.pt', weights_only=True)
    assert batch['images'].shape == (4, 48, 96, 3)
    assert batch['possible'].shape == (4, 48, 96)


def test_frames_that_are_learned_are_not_scored_on(recipe, options):
    same = dataclasses.replace(recipe, validation=recipe.sources)
    with pytest.raises(RecordingError, match='2 frames of source streets are in the validation'):
        train(same, options, _quiet)


def test_labels_of_one_class_are_refused(recipe, options):
    for path in options.data_root.glob('streets/label/*.png'):
        cv2.imwrite(str(path), np.full((48, 96), 7, np.uint8))
    with pytest.raises(RecordingError, match='their labels hold only road; is this the tag table'):
        train(recipe, options, _quiet)


def test_a_sequence_that_is_not_there_is_refused(recipe, options):
    source = dataclasses.replace(recipe.sources[0], sequences=('Town07*',))
    with pytest.raises(RecordingError, match=r"none is left by sequences \['Town07\*'\]"):
        train(dataclasses.replace(recipe, sources=(source,)), options, _quiet)


def test_a_full_disk_ends_in_one_line(recipe, options):
    """A limit on the size of files, which a checkpoint is beyond."""
    path = options.data_root.parent / 'tiny.yaml'
    path.write_text(yaml.safe_dump(recipe.to_dict()))
    code = (
        'import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); '
        'from unet_seg_ros.cli.main import main; '
        'resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000)); sys.exit(main(sys.argv[1:]))'
    )
    command = [
        *(sys.executable, '-c', code, 'train', f'--recipe={path}', f'--output={options.output}'),
        *(f'--data-root={options.data_root}', f'--cache={options.cache}'),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode == 1
    assert 'cannot be written' in result.stderr.splitlines()[-1]
    assert 'Traceback' not in result.stderr
    assert not (options.output / 'last.ckpt').exists()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / 'best.ckpt'
    path.write_bytes(b'nothing of the kind')
    with pytest.raises(ConfigurationError, match='not a checkpoint of `unet-seg train`'):
        load_checkpoint(path)


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
    task = train(mixed, options, _quiet)
    assert task.scores['streets']['road'] > 0.8
    # The coarse recording says of what is above the road only that it is none of the three, yet
    # the model knows it for sky: from the other recording.
    image = cv2.imread(str(options.data_root / 'streets' / 'rgb' / '0.png'))
    above = task.eval().predict(image[np.newaxis])[0, :8]
    assert (above == mixed.class_set.table.ids_by_name['sky']).mean() > 0.8
    told = load_checkpoint(options.output / 'best.ckpt').data['training']
    assert told[0]['classes'] == ['roadline', 'road', 'sidewalk']
    assert told[1]['classes'] == ['roadline', 'road', 'sidewalk', 'structure', 'sky']
