"""A training so small that it takes a second: two street-like frames, a narrow U-Net."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
import torch
from support.street_network import street

from unet_seg_ros.training.recipe import Recipe, recipe_from_dict
from unet_seg_ros.training.session import RunOptions


@pytest.fixture(scope='session', autouse=True)
def _one_thread() -> None:
    """Two threads of so small a network mostly wait for each other on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Return a folder that holds the labelled folder ``streets`` of two frames, and a copy."""
    for seed in (0, 1):
        for part, pixels in zip(('rgb', 'label'), street(seed), strict=True):
            for name in ('streets', 'streets_again'):
                folder = tmp_path / 'data' / name / part
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f'{seed}.png'), pixels)
    return tmp_path / 'data'


@pytest.fixture(scope='session')
def recipe() -> Recipe:
    """Return the recipe of a one-second training on ``streets``."""
    source = {'name': 'streets', 'folder': 'streets', 'tags': 23, 'licence': 'none needed'}
    # Scored on what is learned: a copy, for the same folder would be refused.
    return recipe_from_dict(
        {
            'name': 'tiny',
            'input': '96x48',
            'network': {'base_channels': 4, 'depth': 2},
            'sources': [source],
            'validation': [{**source, 'folder': 'streets_again'}],
            'passes': 1,
            'samples_per_pass': 16,
            'batch_size': 4,
            'learning_rate': 0.01,
        }
    )


@pytest.fixture
def options(tmp_path: Path, data_root: Path) -> RunOptions:
    """Return the options of a training into ``run``."""
    return RunOptions(data_root, tmp_path / 'run', tmp_path / 'cache')
