"""How far a training is, by steps or by the clock, and the learning rate that follows."""

from __future__ import annotations

import math
import time


class Schedule:
    """
    Progress of a training from 0 to 1.

    It is the share of the steps done, or of the time limit spent if that is further: so the
    learning rate comes down to zero whichever ends the training.

    Parameters
    ----------
    num_steps : int
        Steps of the whole training.
    warm_up : float
        Share of the training over which the learning rate rises to its peak.
    max_minutes : float or None
        Time limit, counted from `start`.

    """

    def __init__(self, num_steps: int, warm_up: float, max_minutes: float | None = None) -> None:
        """Stand at 0; the clock does not run yet."""
        self.num_steps = num_steps
        self.warm_up = warm_up
        self.max_seconds = math.inf if max_minutes is None else 60.0 * max_minutes
        self.progress = 0.0
        self._started_at = 0.0
        self._started_with = 0.0

    def start(self, step: int) -> None:
        """Start the clock at a step, 0 or that of a resumed training."""
        self.progress = self._started_with = step / self.num_steps
        self._started_at = time.monotonic()

    def advance(self, step: int) -> None:
        """Note that a step begins; progress never falls."""
        spent = (time.monotonic() - self._started_at) / self.max_seconds
        by_clock = self._started_with + (1.0 - self._started_with) * spent
        self.progress = min(1.0, max(self.progress, by_clock, step / self.num_steps))

    @property
    def learning_rate_factor(self) -> float:
        """The share of the peak learning rate: linear warm-up, then a half cosine to zero."""
        if self.progress < self.warm_up:
            return max(self.progress / self.warm_up, 0.01)
        falling = (self.progress - self.warm_up) / (1.0 - self.warm_up)
        return 0.5 * (1.0 + math.cos(math.pi * falling))
