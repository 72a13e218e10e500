"""The worst frames as pictures: image, truth and prediction side by side."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.training.findings import Assessment, WorstFrame
from unet_seg_ros.training.results.theme import (
    LEGEND_ROW,
    OUTLINE,
    UNKNOWN,
    class_patches,
    new_figure,
)

# Of the whole figure, and of a picture in it at most.
_WIDTH_INCH = 7.8
_WIDTH_PX = 400

_LEGEND_COLUMNS = 5


def worst_frames(source: str, found: Assessment) -> Figure:
    """Return a figure of the worst frames of an assessment, one below the other."""
    frames = found.worst
    height, width = frames[0].image.shape[:2]
    row = _WIDTH_INCH / 3 * height / width + 0.3
    handles = _legend(frames, found.classes.table)
    height_inch = 0.8 + row * len(frames) + LEGEND_ROW * math.ceil(len(handles) / _LEGEND_COLUMNS)
    figure = new_figure(height_inch, f'Worst frames: {source}', _WIDTH_INCH)
    panels = figure.subplots(len(frames), 3, squeeze=False)
    for axes, title in zip(panels[0], ('image', 'truth', 'prediction'), strict=True):
        axes.set_title(title, fontsize=10.5, fontweight='normal')
    for axes, frame in zip(panels, frames, strict=True):
        _show(axes.tolist(), frame, found.classes.table)
    columns = min(_LEGEND_COLUMNS, len(handles))
    figure.legend(handles=handles, loc='outside lower center', ncols=columns)
    return figure


def _show(panels: list[Axes], frame: WorstFrame, table: ClassTable) -> None:
    masks = (_colored(ids, table) for ids in (frame.truth, frame.predicted))
    for axes, picture in zip(panels, (frame.image[..., ::-1], *masks), strict=True):
        # Labels may have another size than the image: each fills its place.
        axes.imshow(_reduced(picture), interpolation='nearest', aspect='auto')
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    panels[0].set_xlabel(f'{frame.name}: mean IoU {frame.mean_iou:.3f}', loc='left', fontsize=9)


def _reduced(picture: ByteArray) -> ByteArray:
    scale = _WIDTH_PX / picture.shape[1]
    if scale >= 1.0:
        return picture
    return cast(
        ByteArray, cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )


def _colored(ids: ByteArray, table: ClassTable) -> ByteArray:
    palette = table.palette_rgb.copy()
    palette[len(table) :] = np.round(np.multiply(to_rgb(UNKNOWN), 255))
    colored: ByteArray = palette[ids]
    return colored


def _legend(frames: tuple[WorstFrame, ...], table: ClassTable) -> list[Artist]:
    shown = {int(i) for f in frames for ids in (f.truth, f.predicted) for i in np.unique(ids)}
    patches = class_patches([c for c in table.classes if c.id in shown])
    if any(i >= len(table) for i in shown):
        patches.append(Patch(facecolor=UNKNOWN, edgecolor=OUTLINE, label='not known'))
    return patches
