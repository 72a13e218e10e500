"""Reading back what a training left."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.recipe import Recipe, recipe_from_dict

BEST = 'best.ckpt'
LAST = 'last.ckpt'


@dataclass(frozen=True)
class Trained:
    """
    A trained network and where it comes from.

    Attributes
    ----------
    network : PixelNetwork
        On the CPU, in evaluation mode.
    recipe : Recipe
        What it was trained with.
    passes, steps : int
        Passes finished or begun, and optimizer steps done.
    data : mapping
        What ``SegmentationData.summary`` told of the frames.

    """

    network: PixelNetwork
    recipe: Recipe
    passes: int
    steps: int
    data: Mapping[str, Any]


def load_checkpoint(path: Path) -> Trained:
    """
    Load a checkpoint; no code in it is run.

    Raises
    ------
    ConfigurationError
        If the file is missing, no checkpoint, or not one of this trainer.

    """
    state = _load(path)
    try:
        recipe = recipe_from_dict(state['recipe'])
        weights = {
            name.removeprefix('network.'): value
            for name, value in state['state_dict'].items()
            if name.startswith('network.')
        }
        network = PixelNetwork(recipe.network, len(recipe.class_set.table))
        network.load_state_dict(weights)
        passes, steps = int(state['epoch']) + 1, int(state['global_step'])
        data = state['data']
    except (RuntimeError, KeyError) as e:
        raise _refused(path, e) from e
    return Trained(network.eval(), recipe, passes, steps, data)


def check_resumable(path: Path, recipe: Recipe) -> None:
    """
    Refuse to go on from a checkpoint with another recipe, but for its length, rate and loss.

    Raises
    ------
    ConfigurationError
        If the file is missing, no checkpoint, or of another recipe.

    """
    if not path.is_file():
        raise ConfigurationError(f'run folder {path.parent}: no {path.name} to resume from')
    state = _load(path)
    try:
        former = recipe_from_dict(state['recipe'])
    except KeyError as e:
        raise _refused(path, e) from e
    for key in _RESUMED_WITH:
        then, now = getattr(former, key), getattr(recipe, key)
        if then != now:
            raise ConfigurationError(
                f'checkpoint {path}: was trained with {key} {then}, the recipe has {now}; '
                'start anew in another --output'
            )


# What decides the weights, the draws and the columns of metrics.csv.
_RESUMED_WITH = (
    *(
        'network',
        'classes',
        'input',
        'fit',
        'sources',
        'validation',
        'samples_per_pass',
        'batch_size',
    ),
    *('accumulate', 'ema_decay', 'seed'),
)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigurationError(f'checkpoint {path}: not found')
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as e:
        raise _refused(path, e) from e
    if not isinstance(state, dict):
        raise _refused(path, TypeError(f'it holds a {type(state).__name__}'))
    return state


def _refused(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f'checkpoint {path}: not a checkpoint of `unet-seg train` ({one_line(error)[:200]})'
    )
