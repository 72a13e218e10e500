"""What happened to a camera's frames, counted and timed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np

#: How many of the last frames the percentiles look at.
_WINDOW = 200


def _window() -> deque[float]:
    return deque(maxlen=_WINDOW)


@dataclass
class FrameStatistics:
    """
    Counters since activation and durations of the last frames.

    Every received frame ends in exactly one of the other counters, or still waits.

    Attributes
    ----------
    received : int
        Frames that arrived.
    segmented : int
        Frames whose results were published.
    dropped : int
        Frames displaced by a newer one before the worker took them.
    refused : int
        Frames that could not be read.
    failed : int
        Frames that the engine failed on.
    unwatched : int
        Frames not segmented because nobody subscribes to a result.
    limited : int
        Frames left out because they came sooner than the camera's greatest rate allows.
    stale : int
        Frames too old when their results would have been published.
    engine_s, total_s : deque of float
        The engine's time, and the time from arrival to the first publication [s].

    """

    received: int = 0
    segmented: int = 0
    dropped: int = 0
    refused: int = 0
    failed: int = 0
    unwatched: int = 0
    limited: int = 0
    stale: int = 0
    engine_s: deque[float] = field(default_factory=_window)
    total_s: deque[float] = field(default_factory=_window)

    def counts(self) -> dict[str, int]:
        """Return the counters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.type == 'int'}


def percentile_ms(durations_s: Iterable[float], percent: float) -> float:
    """Return a percentile of durations in milliseconds, nan where there are none."""
    values = list(durations_s)
    return float(np.percentile(values, percent)) * 1e3 if values else float('nan')
