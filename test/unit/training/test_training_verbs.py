"""``unet-seg train`` and ``unet-seg export`` as a user calls them."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys

import pytest
import yaml

from unet_seg_ros.cli.main import main
from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.training


def _train_arguments(recipe, options) -> list[str]:
    path = options.data_root.parent / 'tiny.yaml'
    path.write_text(yaml.safe_dump(recipe.to_dict()))
    return [
        'train',
        f'--recipe={path}',
        f'--output={options.output}',
        f'--data-root={options.data_root}',
        f'--cache={options.cache}',
    ]


def test_a_recipe_becomes_a_model_file(recipe, options, tmp_path, capsys):
    assert main(_train_arguments(recipe, options)) == 0
    best = options.output / 'best.ckpt'
    assert f'best checkpoint: {best}' in capsys.readouterr().out
    model = tmp_path / 'tiny.onnx'
    arguments = [f'--checkpoint={best}', f'--output={model}', f'--data-root={options.data_root}']
    assert main(['export', *arguments]) == 0
    assert 'tiny, input 96x48' in capsys.readouterr().out
    assert read_contract(model).training['steps'] == 4


def test_scores_are_told_after_each_pass(recipe, options, capsys):
    assert main(_train_arguments(dataclasses.replace(recipe, passes=2), options)) == 0
    out = capsys.readouterr().out
    assert 'pass 1 of 2: loss ' in out
    assert 'pass 2 of 2: loss ' in out
    assert '  streets: other 0.' in out


def test_a_mistake_is_told_in_one_line(recipe, options, capsys):
    wrong = dataclasses.replace(recipe, input=recipe.input._replace(width=97))
    assert main(_train_arguments(wrong, options)) == 1
    error = capsys.readouterr().err
    assert error.startswith('unet-seg train: input size 97x48')
    assert error.count('\n') == 1


def test_ctrl_c_keeps_a_last_checkpoint(recipe, options):
    endless = dataclasses.replace(recipe, samples_per_pass=10**5)
    command = [sys.executable, '-m', 'unet_seg_ros.cli.main', *_train_arguments(endless, options)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    ) as process:
        assert process.stdout is not None
        # The bar counts steps: the first pass, which takes minutes, has begun.
        seen = ''
        while not re.search(r' [1-9]\d*/25000 ', line := process.stdout.readline()):
            seen += line
            assert line, seen
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert f'\ninterrupted; kept {options.output}/last.ckpt, --resume goes on\n' in told
    assert 'Traceback' not in told
    assert load_checkpoint(options.output / 'last.ckpt').steps > 0
