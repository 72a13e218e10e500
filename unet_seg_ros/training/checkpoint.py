"""Reading back what a training left."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch

from unet_seg_ros.core.classes import ROAD_CLASSES
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.recipe import Recipe, recipe_from_dict


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

    """

    network: PixelNetwork
    recipe: Recipe
    passes: int
    steps: int


def load_checkpoint(path: Path) -> Trained:
    """
    Load a checkpoint; no code in it is run.

    Raises
    ------
    ConfigurationError
        If the file is missing, no checkpoint, or not one of this trainer.

    """
    if not path.is_file():
        raise ConfigurationError(f'checkpoint {path}: not found')
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        recipe = recipe_from_dict(state['recipe'])
        weights = {
            name.removeprefix('network.'): value
            for name, value in state['state_dict'].items()
            if name.startswith('network.')
        }
        network = PixelNetwork(recipe.network, len(ROAD_CLASSES.table))
        network.load_state_dict(weights)
        passes, steps = int(state['epoch']) + 1, int(state['global_step'])
    except (pickle.UnpicklingError, RuntimeError, KeyError, EOFError) as e:
        reason = ' '.join(str(e).split())[:200]
        raise ConfigurationError(
            f'checkpoint {path}: not a checkpoint of `unet-seg train` ({reason})'
        ) from e
    return Trained(network.eval(), recipe, passes, steps)
