"""The moving average of the weights, which is scored and kept instead of the last ones."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """
    Averages weights and batch norms exponentially, where the weights are.

    In the first steps the decay is smaller, (1 + n) / (10 + n) after n of them, so that the
    average leaves the initial weights behind as quickly as the weights do.

    Parameters
    ----------
    decay : float
        Share that the average keeps of itself in a step, 0 to 1.

    """

    def __init__(self, decay: float) -> None:
        """Average nothing yet."""

        def average(averaged: Any, current: Any, num_averaged: Tensor | int) -> None:
            num = int(num_averaged)
            if averaged[0].is_floating_point():
                kept = min(decay, (1 + num) / (10 + num))
                torch._foreach_lerp_(averaged, current, 1.0 - kept)
            else:
                torch._foreach_copy_(averaged, current)

        super().__init__(multi_avg_fn=average)

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        """Choose the device: at this time the module itself is not there yet."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
