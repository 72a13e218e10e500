"""What a resumed training knows of the one that it goes on from, wherever its folder lies now."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from unet_seg_ros.training.session import train

pytestmark = pytest.mark.training


def _quiet(*_: object) -> None:
    pass


def _callback(options, name: str) -> dict:
    state = torch.load(options.output / 'last.ckpt', weights_only=True)['callbacks']
    return next(value for key, value in state.items() if key.startswith(name))


def test_a_moved_run_folder_knows_its_best_score(recipe, options, tmp_path):
    train(recipe, options, _quiet)
    best = options.output / 'best.ckpt'
    state = torch.load(best, weights_only=True)
    (name,) = (k for k, v in state['callbacks'].items() if v.get('monitor'))
    for file in (best, options.output / 'last.ckpt'):
        state = torch.load(file, weights_only=True)
        out_of_reach = torch.tensor(2.0)
        kept = state['callbacks'][name]
        kept['best_model_score'] = kept['kth_value'] = out_of_reach
        kept['best_k_models'] = dict.fromkeys(kept['best_k_models'], out_of_reach)
        torch.save(state, file)
    moved = dataclasses.replace(options, output=tmp_path / 'moved', resume=True)
    options.output.rename(moved.output)
    before = (moved.output / 'best.ckpt').read_bytes()
    train(dataclasses.replace(recipe, passes=2), moved, _quiet)
    assert (moved.output / 'best.ckpt').read_bytes() == before
    assert [p.name for p in tmp_path.glob('**/best*.ckpt')] == ['best.ckpt']


def test_the_patience_is_that_of_the_recipe_resumed_with(recipe, options):
    train(dataclasses.replace(recipe, patience=7), options, _quiet)
    assert _callback(options, 'EarlyStop')['patience'] == 7
    longer = dataclasses.replace(recipe, patience=3, passes=2)
    train(longer, dataclasses.replace(options, resume=True), _quiet)
    assert _callback(options, 'EarlyStop')['patience'] == 3


def test_a_pass_that_is_done_again_has_one_row(recipe, options):
    train(recipe, options, _quiet)
    table = options.output / 'metrics.csv'
    head, row = table.read_text().splitlines()
    table.write_text('\n'.join([head, row, row.replace('1', '2', 1)]) + '\n')
    train(dataclasses.replace(recipe, passes=2), dataclasses.replace(options, resume=True), _quiet)
    rows = table.read_text().splitlines()
    assert [r.split(',')[0] for r in rows] == ['pass', '1', '2']
    assert rows[2] != row.replace('1', '2', 1)
