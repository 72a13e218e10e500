"""The moving average of the weights, which is scored and kept instead of the last ones."""

from __future__ import annotations

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


def averaging(decay: float) -> WeightAveraging:
    """
    Return the callback that averages weights and batch norms exponentially.

    In the first steps the decay is smaller, (1 + n) / (10 + n) after n of them, so that the
    average leaves the initial weights behind as quickly as the weights do.

    Parameters
    ----------
    decay : float
        Share that the average keeps of itself in a step, 0 to 1.

    """

    def average(averaged: Tensor, current: Tensor, num_averaged: Tensor | int) -> Tensor:
        num = int(num_averaged)
        kept = min(decay, (1 + num) / (10 + num))
        return averaged * kept + current * (1.0 - kept)

    return WeightAveraging(avg_fn=average)
