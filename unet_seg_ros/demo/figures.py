"""The figures of a run: counted, timed and scored, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.core.metrics import ConfusionMatrix, without_nan
from unet_seg_ros.demo.processes import ProcessError
from unet_seg_ros.demo.session import Traces

PERCENTS = (50, 95, 99)


@dataclass(frozen=True)
class Scores:
    """
    Masks compared with the truth.

    Attributes
    ----------
    num_frames : int
        How many frames were compared.
    iou : mapping
        Intersection over union per class, nan where a class never came.
    mean_iou, drivable_iou : float
        Over the classes that came; of the drivable classes as one.

    """

    num_frames: int
    iou: Mapping[str, float]
    mean_iou: float
    drivable_iou: float


@dataclass(frozen=True)
class Figures:
    """
    What a run came to.

    Attributes
    ----------
    num_sent, num_segmented : int
        Frames sent, and those of which a mask arrived.
    sent_hz, segmented_hz : float
        Rates at which they were sent and arrived, nan for a single one.
    latency_ms : mapping
        Percentiles of the time from just before an image is sent to the mask's reception by DDS
        in the observer's process; keys ``p50``, ``p95``, ``p99``.
    engine_ms : mapping
        Likewise the engine alone, over the node's last frames, as its diagnostics tell.
    node : mapping
        The node's own counters.
    engine : mapping
        The node's words on its engine: backend, precision, model, input size.
    scores : Scores or None
        None where nothing was scored.
    unscored : str
        Then why.

    """

    num_sent: int
    num_segmented: int
    sent_hz: float
    segmented_hz: float
    latency_ms: Mapping[str, float]
    engine_ms: Mapping[str, float]
    node: Mapping[str, int]
    engine: Mapping[str, str]
    scores: Scores | None
    unscored: str

    @property
    def duration_s(self) -> float:
        """How long masks arrived [s]; one second for a single one."""
        rate_hz = 1.0 if math.isnan(self.segmented_hz) else self.segmented_hz
        return self.num_segmented / rate_hz

    @property
    def num_dropped(self) -> int:
        """Frames of which no mask arrived."""
        return self.num_sent - self.num_segmented

    def rows(self) -> list[tuple[str, str]]:
        """Return the table as pairs of a name and its values."""
        share = self.engine_ms['p50'] / self.latency_ms['p50']
        rows = [
            ('frames sent', _counted(self.num_sent, self.sent_hz)),
            ('frames segmented', _counted(self.num_segmented, self.segmented_hz)),
            ('frames dropped', str(self.num_dropped)),
            ('stamp to mask', _milliseconds(self.latency_ms)),
            ('engine alone', _milliseconds(self.engine_ms)),
            ('engine share', f'{share:.0%} of stamp to mask (p50)'),
        ]
        scores = self.scores
        if scores is None:
            return [*rows, ('IoU', f'none: {self.unscored}')]
        rows += [(f'IoU {name}', f'{value:.3f}') for name, value in scores.iou.items()]
        rows += [('IoU mean', f'{scores.mean_iou:.3f}')]
        rows += [('IoU drivable', f'{scores.drivable_iou:.3f}')]
        return [*rows, ('frames scored', str(scores.num_frames))]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures for JSON; what is not known is None."""
        return without_nan({**asdict(self), 'num_dropped': self.num_dropped})


def figures(traces: Traces, camera: str, contract: ModelContract, unscored: str) -> Figures:
    """
    Work out the figures of a run.

    Parameters
    ----------
    traces : Traces
        What the processes left.
    camera : str
        The camera's name in the diagnostics.
    contract : ModelContract
        Of the model that ran.
    unscored : str
        Why the observer had no truth to score against; '' if it had.

    Raises
    ------
    ProcessError
        If no mask arrived, or the node has said nothing of itself.

    """
    sent = dict(traces.sent)
    arrivals = {int(stamp): int(ns) for stamp, ns in traces.observed['masks'] if stamp in sent}
    if not arrivals:
        raise ProcessError(f'none of {len(sent)} frames came back as a mask')
    diagnostics: Mapping[str, Mapping[str, str]] = traces.observed['diagnostics']
    node = _status(diagnostics, camera)
    counters = ('received', 'segmented', 'dropped', 'refused', 'failed', 'unwatched')
    engine = _status(diagnostics, 'engine')
    return Figures(
        num_sent=len(sent),
        num_segmented=len(arrivals),
        sent_hz=_rate_hz(sorted(sent.values())),
        segmented_hz=_rate_hz(sorted(arrivals.values())),
        latency_ms=_percentiles([(ns - sent[stamp]) / 1e6 for stamp, ns in arrivals.items()]),
        engine_ms={f'p{p}': float(node[f'engine_ms_p{p}']) for p in PERCENTS},
        node={name: int(node[name]) for name in counters},
        engine={name: engine[name] for name in ('backend', 'precision', 'model', 'input_size')},
        scores=None if unscored else _scores(traces.observed, contract),
        unscored=unscored,
    )


def table(title: Sequence[str], rows: Sequence[tuple[str, str]]) -> str:
    """Return the rows as text of two columns under a title of some lines."""
    width = max(len(name) for name, _ in rows)
    lines = [f'{name:<{width}}  {value}' for name, value in rows]
    rule = '-' * max(len(line) for line in (*title, *lines))
    return '\n'.join([*title, rule, *lines])


def _status(diagnostics: Mapping[str, Mapping[str, str]], part: str) -> Mapping[str, str]:
    for name, values in diagnostics.items():
        if name.endswith(f': {part}'):
            return values
    raise ProcessError(f'the node published no diagnostics of its {part}')


def _scores(observed: Mapping[str, Any], contract: ModelContract) -> Scores:
    matrix = ConfusionMatrix(contract.table)
    matrix.counts = np.array(observed['confusion'], np.int64)
    return Scores(
        num_frames=int(observed['num_scored']),
        iou=matrix.iou(),
        mean_iou=matrix.mean_iou(),
        drivable_iou=matrix.group_iou(contract.drivable),
    )


def _rate_hz(moments_ns: Sequence[int]) -> float:
    span_s = (moments_ns[-1] - moments_ns[0]) / 1e9
    return (len(moments_ns) - 1) / span_s if span_s else float('nan')


def _percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    return {f'p{p}': round(float(np.percentile(values_ms, p)), 2) for p in PERCENTS}


def _counted(num_frames: int, rate_hz: float) -> str:
    return str(num_frames) if math.isnan(rate_hz) else f'{num_frames} at {rate_hz:.1f} Hz'


def _milliseconds(percentiles: Mapping[str, float]) -> str:
    return ', '.join(f'{name} {value:.1f}' for name, value in percentiles.items()) + ' ms'
