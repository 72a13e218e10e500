"""What tests do with a training's outcome; needs torch."""

from __future__ import annotations

import torch

from unet_seg_ros.training.checkpoint import load_checkpoint
from unet_seg_ros.training.session import RunOptions


def quiet(*_: object) -> None:
    """Take what a training tells, and tell nobody."""


def weights(options: RunOptions) -> dict[str, torch.Tensor]:
    """Return the last weights of a run."""
    return load_checkpoint(options.output / 'last.ckpt').network.state_dict()


def are_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)
