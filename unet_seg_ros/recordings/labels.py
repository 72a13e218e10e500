"""Label images in the forms in which CARLA recordings carry them, decoded to tag ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.core.size import ByteArray


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
    wide = label_hwc.astype(np.uint32)
    codes = wide[..., 2] << 16 | wide[..., 1] << 8 | wide[..., 0]
    classes = sorted(tags.classes, key=lambda c: c.color)
    known = np.array([r << 16 | g << 8 | b for r, g, b in (c.color for c in classes)], np.uint32)
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    unknown = known[place] != codes
    if unknown.any():
        code = int(codes[unknown][0])
        raise RecordingError(
            f'{unknown.sum()} of {codes.size} label pixels have colours outside the palette '
            f'of the {len(tags)} tags, '
            f'the first RGB ({code >> 16}, {code >> 8 & 255}, {code & 255}); '
            'is this the tag table of the recording?'
        )
    return np.array([c.id for c in classes], np.uint8)[place]
