"""The look that all figures share, for light and for dark pages."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import AbstractPathEffect, Stroke, withStroke

from unet_seg_ros.core.classes import PixelClass

#: For what belongs to no class, and for what is wrong.
ACCENT, WRONG = '#3a86c8', '#d1495b'

#: Around class colours, which may be as dark or as light as the page.
OUTLINE = '#8a8f98'

#: For pixels whose class is not known.
UNKNOWN = '#c9ccd1'

#: Width of a figure [inch]: on a phone its words are still read.
WIDTH = 6.4

#: Height of a legend's row [inch].
LEGEND_ROW = 0.24

_DPI = 160


def _theme(background: str, ink: str, soft: str) -> dict[str, Any]:
    return {
        'figure.facecolor': background,
        'axes.facecolor': background,
        'savefig.facecolor': background,
        'legend.facecolor': background,
        'text.color': ink,
        'axes.labelcolor': ink,
        'axes.titlecolor': ink,
        'xtick.labelcolor': ink,
        'ytick.labelcolor': ink,
        'xtick.color': soft,
        'ytick.color': soft,
        'axes.edgecolor': soft,
        'grid.color': soft,
        'grid.alpha': 0.45,
        'grid.linewidth': 0.6,
        'axes.axisbelow': True,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.titlesize': 12,
        'axes.titleweight': 'bold',
        'axes.titlelocation': 'left',
        'axes.titlepad': 10,
        'font.size': 10.5,
        'legend.frameon': False,
        'savefig.dpi': _DPI,
    }


#: Settings of matplotlib by colour scheme; the backgrounds are those of the page.
THEMES: dict[str, Any] = {
    'light': _theme('#ffffff', '#1d2026', '#b4b8bf'),
    'dark': _theme('#16181d', '#e4e6ea', '#5a5f69'),
}


@dataclass(frozen=True)
class Drawing:
    """
    A figure of the page.

    Attributes
    ----------
    name : str
        Its file's name without the ending.
    caption : str
        What is to be seen, a sentence or two.
    draw : callable
        Makes the figure in the theme that is set.
    is_wide : bool
        Whether it takes the page's whole width.

    """

    name: str
    caption: str
    draw: Callable[[], Figure]
    is_wide: bool = False


def render(drawing: Drawing, theme: str) -> bytes:
    """Return a figure as PNG, in one of ``THEMES``."""
    with matplotlib.rc_context(THEMES[theme]):
        figure = drawing.draw()
        FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format='png')
    return buffer.getvalue()


def new_figure(height: float, title: str, width: float = WIDTH) -> Figure:
    """Return an empty figure of a height [inch] that lays itself out, with a title on the left."""
    figure = Figure((width, height), layout='constrained')
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)  # type: ignore[union-attr,call-arg]
    figure.suptitle(title, x=0.015, ha='left', fontsize=12, fontweight='bold')
    return figure


def bare(axes: Axes, grid: str) -> Axes:
    """Take ticks and frame away and draw a grid along one axis, ``x`` or ``y``."""
    axes.tick_params(length=0, which='both')
    axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.spines['bottom' if grid == 'x' else 'left'].set_visible(False)
    return axes


def ink() -> str:
    """Return the colour of words in the theme that is set."""
    return str(matplotlib.rcParams['text.color'])


def heat_colors() -> LinearSegmentedColormap:
    """Return colours from the theme's background to the accent."""
    background = matplotlib.rcParams['axes.facecolor']
    return LinearSegmentedColormap.from_list('heat', [background, ACCENT])


def rgb(pixel_class: PixelClass) -> tuple[float, float, float]:
    """Return a class's colour as matplotlib takes it."""
    red, green, blue = (channel / 255 for channel in pixel_class.color)
    return red, green, blue


def cased(width: float) -> list[AbstractPathEffect]:
    """Return an outline for a line in a class's colour, which may be the background's."""
    return [withStroke(linewidth=width + 1.4, foreground=OUTLINE), Stroke()]


def class_patches(classes: Sequence[PixelClass]) -> list[Artist]:
    """Return a legend's entries for classes."""
    return [Patch(facecolor=rgb(c), edgecolor=OUTLINE, label=c.name) for c in classes]
