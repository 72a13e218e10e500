"""Learning curves from a run's metrics.csv, whatever columns it has."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.training.results.theme import (
    ACCENT,
    LEGEND_ROW,
    Drawing,
    bare,
    cased,
    new_figure,
    rgb,
)

#: Values by column; nan where a cell is empty.
Metrics = Mapping[str, npt.NDArray[np.float64]]

PASS = 'pass'

_LABELS = {
    'loss': 'training loss',
    'mean_iou': 'mean IoU\nof all sources',
    'learning_rate': 'learning rate',
    'seconds': 'time since\nstart or resume [s]',
}
_LINE_WIDTH = 2.0

_LEGEND_COLUMNS = 4

_LOGARITHMIC = ('learning_rate',)
_LOGARITHMIC_RANGE = 1e-3


def read_metrics(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """
    Read a run's metrics.

    Parameters
    ----------
    path : Path
        A CSV file with a header, one row per pass; what is no number reads as nan.

    Returns
    -------
    dict
        float64 by column; empty where there is no file.

    """
    if not path.is_file():
        return {}
    with path.open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0]) if rows else []
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def curves(
    metrics: Metrics, table: ClassTable, slug_of: Callable[[str], str]
) -> dict[str, list[Drawing]]:
    """
    Return the drawings of a run's metrics.

    Parameters
    ----------
    metrics : mapping
        As `read_metrics` gives them.
    table : ClassTable
        Gives the lines of classes their colours.
    slug_of : callable
        Gives a source's part of a file name.

    Returns
    -------
    dict
        By the source that columns named ``source/figure`` belong to; under the empty name what
        belongs to none.

    """
    if PASS not in metrics:
        return {}
    by_source: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
    for column, values in metrics.items():
        source, _, name = column.rpartition('/')
        if column != PASS and not np.isnan(values).all():
            by_source.setdefault(source, {})[name] = values
    drawings = {}
    for source, lines in by_source.items():
        if source:
            draw = partial(_of_source, metrics[PASS], lines, table, source)
            caption = 'IoU on the validation frames after each pass.'
            drawings[source] = [Drawing(f'curves-{slug_of(source)}', caption, draw)]
        else:
            caption = 'The training as a whole, pass by pass.'
            drawings[source] = [Drawing('curves', caption, partial(_of_run, metrics[PASS], lines))]
    return drawings


def _of_run(passes: npt.NDArray[np.float64], lines: Metrics) -> Figure:
    figure = new_figure(1.0 + 1.4 * len(lines), 'How the training went')
    panels = figure.subplots(len(lines), sharex=True, squeeze=False)[:, 0]
    for axes, (name, values) in zip(panels, lines.items(), strict=True):
        _line(axes, passes, values, color=ACCENT)
        axes.set_ylabel(_LABELS.get(name, name))
        if name in _LOGARITHMIC and np.nanmin(values) > 0:
            axes.set_yscale('log')
            # A schedule ends near zero: without this all else would be a line at the top.
            axes.set_ylim(bottom=max(np.nanmin(values), np.nanmax(values) * _LOGARITHMIC_RANGE))
        bare(axes, 'y')
    _count_passes(panels[-1])
    figure.align_ylabels()
    return figure


def _of_source(
    passes: npt.NDArray[np.float64], lines: Metrics, table: ClassTable, source: str
) -> Figure:
    legend_rows = math.ceil(len(lines) / _LEGEND_COLUMNS)
    figure = new_figure(4.0 + LEGEND_ROW * legend_rows, f'IoU per pass: {source}')
    axes = bare(figure.subplots(), 'y')
    colors = {c.name: rgb(c) for c in table.classes}
    # The last values' order is that of the line ends, from above.
    for name in sorted(lines, key=lambda n: -np.nan_to_num(lines[n][-1])):
        if name in colors:
            outline = cased(_LINE_WIDTH)
            _line(axes, passes, lines[name], color=colors[name], label=name, path_effects=outline)
        else:
            style = '-' if name == 'mean' else '--'
            _line(axes, passes, lines[name], color=ACCENT, label=name, linestyle=style)
    axes.set_ylabel('IoU')
    axes.set_ylim(top=1.0)
    _count_passes(axes)
    figure.legend(loc='outside lower center', ncols=_LEGEND_COLUMNS)
    return figure


def _line(
    axes: Axes, passes: npt.NDArray[np.float64], values: npt.NDArray[np.float64], **look: Any
) -> None:
    # A single pass makes no line.
    marker = 'o' if len(passes) < 3 else ''
    axes.plot(passes, values, marker=marker, linewidth=_LINE_WIDTH, **look)


def _count_passes(axes: Axes) -> None:
    axes.set_xlabel('pass')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _number(cell: str | None) -> float:
    try:
        return float(cell or 'nan')
    except ValueError:
        return float('nan')
