"""Label images in the forms in which CARLA recordings carry them, decoded to tag ids."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.errors import FrameError, RecordingError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.palette import Palette


def decode_labels(label: npt.NDArray[Any], tags: ClassTable) -> ByteArray:
    """
    Return the tag ids of a label image.

    Three forms are told apart by the pixels: one channel of ids; ids in the red channel, the
    other colours zero; colours of the tag table's palette. A fourth channel is ignored.

    Parameters
    ----------
    label : ndarray
        uint8 [H, W], or [H, W, 3 or 4] in BGR(A) order, as ``cv2.IMREAD_UNCHANGED`` gives it.
    tags : ClassTable
        The tags that the recording was labelled with.

    Returns
    -------
    ndarray
        uint8 [H, W], ids of `tags` only.

    Raises
    ------
    RecordingError
        If the image has another form, or holds ids or colours that `tags` lacks.

    """
    if label.dtype != np.uint8:
        raise RecordingError(f'labels are {label.dtype}; they must be 8-bit')
    if label.ndim == 2:
        return _checked_ids(label, tags)
    if label.ndim != 3 or label.shape[2] not in (3, 4):
        raise RecordingError(f'labels have shape {list(label.shape)}; give 1, 3 or 4 channels')
    if not label[..., :2].any():
        return _checked_ids(np.ascontiguousarray(label[..., 2]), tags)
    return _ids_of_colors(label, tags)


def _checked_ids(ids_hw: ByteArray, tags: ClassTable) -> ByteArray:
    present = np.bincount(ids_hw.ravel(), minlength=256)
    present[[c.id for c in tags.classes]] = 0
    unknown = np.flatnonzero(present)
    if unknown.size:
        raise RecordingError(
            f'labels hold id {unknown[0]} ({present[unknown[0]]} pixels), which is none of the '
            f'{len(tags)} tags; is this the tag table of the recording?'
        )
    return ids_hw


def _ids_of_colors(label_hwc: ByteArray, tags: ClassTable) -> ByteArray:
    has_alpha = label_hwc.shape[2] == 4
    bgra = label_hwc if has_alpha else cv2.cvtColor(label_hwc, cv2.COLOR_BGR2BGRA)
    try:
        return _palette(tags).read(cast(ByteArray, bgra))
    except FrameError as e:
        raise RecordingError(f'labels: {e}') from e


_palette = lru_cache(Palette)
