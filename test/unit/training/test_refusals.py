"""What a training refuses or cannot go on with, told in one line."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
import yaml
from support.trainings import quiet

from unet_seg_ros.core.errors import ConfigurationError, RecordingError, UserError
from unet_seg_ros.training.checkpoint import load_checkpoint
from unet_seg_ros.training.session import train
from unet_seg_ros.training.task import DivergedError

pytestmark = pytest.mark.training


def test_a_missing_folder_is_named_with_the_option_that_moves_it(recipe, options, tmp_path):
    elsewhere = dataclasses.replace(options, data_root=tmp_path / 'none')
    with pytest.raises(UserError, match=r'source streets: .*none/streets.*--data-root'):
        train(recipe, elsewhere, quiet)


def test_an_input_that_does_not_divide_is_refused(recipe, options):
    wrong = dataclasses.replace(recipe, input=recipe.input._replace(width=97))
    with pytest.raises(ConfigurationError, match='use 96x48'):
        train(wrong, options, quiet)


def test_frames_that_are_learned_are_not_scored_on(recipe, options):
    same = dataclasses.replace(recipe, validation=recipe.sources)
    with pytest.raises(RecordingError, match='2 frames of source streets are in the validation'):
        train(same, options, quiet)


def test_labels_of_one_class_are_refused(recipe, options):
    for path in options.data_root.glob('streets/label/*.png'):
        cv2.imwrite(str(path), np.full((48, 96), 7, np.uint8))
    with pytest.raises(RecordingError, match='their labels hold only road; is this the tag table'):
        train(recipe, options, quiet)


def test_a_sequence_that_is_not_there_is_refused(recipe, options):
    source = dataclasses.replace(recipe.sources[0], sequences=('Town07*',))
    with pytest.raises(RecordingError, match=r"none is left by sequences \['Town07\*'\]"):
        train(dataclasses.replace(recipe, sources=(source,)), options, quiet)


def test_a_loss_that_is_no_number_ends_in_one_line(recipe, options):
    wild = dataclasses.replace(recipe, learning_rate=1e30, passes=5)
    with pytest.raises(DivergedError, match=r'diverged_batch\.pt.*lower learning_rate') as caught:
        train(wild, options, quiet)
    assert '\n' not in str(caught.value)
    batch = torch.load(options.output / 'diverged_batch.pt', weights_only=True)
    assert batch['images'].shape == (4, 48, 96, 3)
    assert batch['possible'].shape == (4, 48, 96)


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
