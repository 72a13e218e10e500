"""The figures of one assessment."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unet_seg_ros.training.calibration import NUM_BINS
from unet_seg_ros.training.findings import Assessment
from unet_seg_ros.training.results.pictures import worst_frames
from unet_seg_ros.training.results.theme import (
    ACCENT,
    OUTLINE,
    WRONG,
    Drawing,
    bare,
    heat_colors,
    ink,
    new_figure,
    rgb,
)

# More cells than these hold no readable numbers.
_MAX_NUMBERED = 12

# The names of more columns than these do not stand side by side.
_MAX_LEVEL = 5

_DIAMOND: dict[str, Any] = {
    'marker': 'D',
    'markersize': 6,
    'color': ACCENT,
    'markeredgecolor': 'white',
}

# A bin of fewer pixels has an accuracy by chance.
_MIN_PIXELS = 100

# Height of a bar with its gap [inch].
_BAR = 0.36


def charts(source: str, found: Assessment, slug: str) -> list[Drawing]:
    """
    Return the drawings of one source's assessment, without those that would show nothing.

    Parameters
    ----------
    source : str
        Its name, for titles.
    found : Assessment
        What was found on it.
    slug : str
        Its part of file names.

    """
    is_known = bool(found.confusion.counts.any())
    candidates = [
        (
            is_known,
            Drawing(
                f'iou-{slug}',
                'Bars: how much of the area of a class was met. Diamonds: how well its outline '
                'was met.',
                partial(_iou, source, found),
            ),
        ),
        (
            is_known,
            Drawing(
                f'confusion-{slug}',
                'What became of the pixels of each class; each row adds up to 100 %. Small '
                'shares are coloured more strongly than in proportion.',
                partial(_confusion, source, found),
            ),
        ),
        (
            bool(found.reliability[0].num_pixels.any()),
            Drawing(
                f'reliability-{slug}',
                'On the diagonal the network is right as often as it says; bins of fewer than '
                f'{_MIN_PIXELS} pixels are left out. Below: how many pixels have that confidence.',
                partial(_reliability, source, found),
            ),
        ),
        (
            any(not s.is_drivable for s in found.drivable_by_tag.values()),
            Drawing(
                f'drivable-{slug}',
                'The errors that hurt: what is not drivable, by the finer names of the '
                'recording, and the share of it that a vehicle would be told to drive on.',
                partial(_drivable, source, found),
            ),
        ),
        (
            bool(found.worst),
            Drawing(
                f'worst-{slug}',
                'The frames of the lowest mean IoU over the classes that they hold.',
                partial(worst_frames, source, found),
                is_wide=True,
            ),
        ),
    ]
    return [drawing for shows_something, drawing in candidates if shows_something]


def _iou(source: str, found: Assessment) -> Figure:
    iou = found.confusion.iou()
    classes = [c for c in reversed(found.classes.table.classes) if not np.isnan(iou[c.name])]
    figure = new_figure(1.7 + _BAR * len(classes), f'IoU per class: {source}')
    axes = bare(figure.subplots(), 'x')
    values = [iou[c.name] for c in classes]
    names = [c.name for c in classes]
    axes.barh(names, values, color=[rgb(c) for c in classes], edgecolor=OUTLINE, height=0.7)
    outlines = [found.boundary_f[name] for name in names]
    axes.plot(outlines, range(len(names)), linestyle='', **_DIAMOND)
    for row, value in enumerate(values):
        axes.text(1.02, row, f'{value:.3f}', va='center')
    axes.set_xlim(0, 1)
    axes.set_xlabel('IoU and boundary F-score')
    label = f'boundary F-score, {found.mean_boundary_f:.3f} in the mean'
    diamond = Line2D([], [], linestyle='', label=label, **_DIAMOND)
    mean = f'mean IoU {found.confusion.mean_iou():.3f}, drivable {found.drivable_iou:.3f}'
    axes.set_title(mean, fontsize=10.5, fontweight='normal')
    figure.legend(handles=[diamond], loc='outside lower center')
    return figure


def _confusion(source: str, found: Assessment) -> Figure:
    table = found.classes.table
    counts = found.confusion.counts[: len(table), : len(table)]
    rows = np.flatnonzero(found.confusion.counts[: len(table)].sum(axis=1))
    totals = found.confusion.counts[rows].sum(axis=1, keepdims=True)
    shares = 100.0 * counts[rows] / totals
    cell = 0.46 if len(table) <= _MAX_NUMBERED else 0.2
    figure = new_figure(1.9 + cell * len(rows), f'What true classes came out as: {source}')
    axes = figure.subplots()
    norm = PowerNorm(0.5, 0, 100)
    axes.imshow(shares, cmap=heat_colors(), norm=norm, aspect='auto')
    small = None if len(table) <= _MAX_NUMBERED else 7
    turned: dict[str, Any] = {'rotation': 45, 'ha': 'right'} if len(table) > _MAX_LEVEL else {}
    axes.set_xticks(range(len(table)), table.names, fontsize=small, **turned)
    axes.set_yticks(range(len(rows)), [table.names[i] for i in rows], fontsize=small)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel('predicted class')
    axes.set_ylabel('true class')
    axes.set_title('% of the pixels of a true class', fontsize=10.5, fontweight='normal')
    if len(table) <= _MAX_NUMBERED:
        for (row, column), share in np.ndenumerate(shares):
            text = '' if share == 0 else '<0.1' if share < 0.05 else f'{share:.1f}'
            color = 'white' if norm(share) > 0.75 else ink()
            axes.text(column, row, text, ha='center', va='center', color=color, fontsize=9.5)
    return figure


def _reliability(source: str, found: Assessment) -> Figure:
    figure = new_figure(6.0, f'Confidence and accuracy: {source}')
    above, below = figure.subplots(2, sharex=True, height_ratios=[4, 1])
    before, after = found.reliability
    above.plot([0, 1], [0, 1], ':', color=OUTLINE)
    names = ('as trained', f'at temperature {found.temperature:.2f}')
    looks = ((OUTLINE, 'o--'), (ACCENT, 'o-'))
    for name, bins, (color, style) in zip(names, (before, after), looks, strict=True):
        label = f'{name}: ECE {100 * bins.ece():.2f} %, NLL {bins.nll():.3f}'
        there = bins.num_pixels >= _MIN_PIXELS
        confidence, accuracy = bins.confidence()[there], bins.accuracy()[there]
        above.plot(confidence, accuracy, style, color=color, markersize=4, label=label)
        shares = bins.num_pixels / bins.num_pixels.sum()
        edges = np.linspace(0, 1, NUM_BINS + 1)
        below.stairs(shares, edges, color=color, linewidth=1.6)
    above.set_ylabel('accuracy')
    above.set_ylim(0, 1.02)
    figure.legend(loc='outside lower center')
    below.set_yscale('log')
    below.set_ylabel('share\nof pixels')
    below.set_xlabel('confidence of the predicted class')
    below.set_xlim(0, 1.01)
    for axes in (above, below):
        bare(axes, 'y')
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f'{100 * value:g} %')
    figure.align_ylabels()
    return figure


def _drivable(source: str, found: Assessment) -> Figure:
    shares = {n: s for n, s in found.drivable_by_tag.items() if not s.is_drivable}
    names = sorted(shares, key=lambda n: shares[n].share)
    figure = new_figure(1.2 + 0.28 * len(names), f'Came out drivable though it is not: {source}')
    axes = bare(figure.subplots(), 'x')
    values = [100 * shares[n].share for n in names]
    axes.barh(names, values, color=WRONG, height=0.7)
    longest = max(values) or 1.0
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        text = f'{value:.2g} % of {shares[name].num_pixels:,} px'.replace(',', '\u2009')
        axes.text(value + 0.015 * longest, row, text, va='center', fontsize=9)
    axes.set_ylim(-0.6, len(names) - 0.4)
    # Room for the words behind the longest bar.
    axes.set_xlim(0, 1.5 * longest)
    axes.set_xlabel('share of its pixels that came out drivable [%]')
    return figure
