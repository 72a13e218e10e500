"""Label images in the forms in which CARLA recordings carry them, decoded to tag ids."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.classes import CARLA_TAGS, UNKNOWN_ID, ClassTable
from unet_seg_ros.core.errors import FrameError, RecordingError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.palette import Palette

#: What label images hold: ids in their one channel, ids in the red one of several, or the tag
#: table's colours; 'auto' tells by the pixels.
LabelForm = Literal['auto', 'ids', 'red', 'palette']
LABEL_FORMS: tuple[LabelForm, ...] = ('auto', 'ids', 'red', 'palette')

# Unknown ids that a message names.
_NAMED = 3


def form_of(label: npt.NDArray[Any]) -> LabelForm:
    """
    Return the form that a label image seems to have.

    Parameters
    ----------
    label : ndarray
        uint8 [H, W], or [H, W, 3 or 4] in BGR(A) order.

    Raises
    ------
    RecordingError
        If it has another type or shape.

    """
    if label.dtype != np.uint8:
        raise RecordingError(f'labels are {label.dtype}; they must be 8-bit')
    if label.ndim == 2:
        return 'ids'
    if label.ndim != 3 or label.shape[2] not in (3, 4):
        raise RecordingError(f'labels have shape {list(label.shape)}; give 1, 3 or 4 channels')
    # CARLA paints riders (255, 0, 0), and no tag has the id 255.
    is_red = not label[..., :2].any() and not (label[..., 2] == UNKNOWN_ID).any()
    return 'red' if is_red else 'palette'


def decode_labels(
    label: npt.NDArray[Any],
    tags: ClassTable,
    form: LabelForm = 'auto',
    ignore_unknown: bool = False,
) -> ByteArray:
    """
    Return the tag ids of a label image.

    Parameters
    ----------
    label : ndarray
        uint8 [H, W], or [H, W, 3 or 4] in BGR(A) order, as ``cv2.IMREAD_UNCHANGED`` gives it; a
        fourth channel is ignored.
    tags : ClassTable
        The tags that the recording was labelled with.
    form : {'auto', 'ids', 'red', 'palette'}, optional
        What the image holds; 'red', when asked for, whatever the other channels hold, as
        CARLA's instance segmentation has instances there.
    ignore_unknown : bool, optional
        Whether ids and colours that `tags` lacks become 255 instead of an error.

    Returns
    -------
    ndarray
        uint8 [H, W], ids of `tags`, and 255 where `ignore_unknown` asks for it.

    Raises
    ------
    RecordingError
        If the image has another form, or holds ids or colours that `tags` lacks; the message
        counts them and names CARLA's tag tables that would fit.

    """
    seen = form_of(label)
    if form != 'auto' and (form == 'ids') != (seen == 'ids'):
        channels = 1 if label.ndim == 2 else label.shape[2]
        raise RecordingError(f'labels have {channels} channels, which is not the form {form!r}')
    chosen = seen if form == 'auto' else form
    try:
        return _decoded(label, tags, chosen, ignore_unknown)
    except FrameError as e:
        raise RecordingError(f'{e}{_advice(label, tags, chosen)}') from e


def _decoded(
    label: npt.NDArray[Any], tags: ClassTable, form: LabelForm, ignore_unknown: bool
) -> ByteArray:
    if form == 'palette':
        return _ids_of_colors(label, tags, ignore_unknown)
    ids_hw = label if form == 'ids' else np.ascontiguousarray(label[..., 2])
    return _known_ids(cast(ByteArray, ids_hw), tags, ignore_unknown)


def _known_ids(ids_hw: ByteArray, tags: ClassTable, ignore_unknown: bool) -> ByteArray:
    counts = np.bincount(ids_hw.ravel(), minlength=256)
    counts[[c.id for c in tags.classes]] = 0
    unknown = np.flatnonzero(counts)
    if not unknown.size:
        return ids_hw
    if not ignore_unknown:
        first = ', '.join(f'{i} ({counts[i]} pixels)' for i in unknown[:_NAMED])
        more = f' and {unknown.size - _NAMED} more' if unknown.size > _NAMED else ''
        raise FrameError(
            f'labels hold id {first}{more}, which is none of the {len(tags)} tags; is this the '
            'tag table of the recording?'
        )
    lut = np.arange(256, dtype=np.uint8)
    lut[unknown] = UNKNOWN_ID
    return lut[ids_hw]


def _ids_of_colors(label_hwc: ByteArray, tags: ClassTable, ignore_unknown: bool) -> ByteArray:
    has_alpha = label_hwc.shape[2] == 4
    bgra = label_hwc if has_alpha else cv2.cvtColor(label_hwc, cv2.COLOR_BGR2BGRA)
    try:
        return _palette(tags).read(cast(ByteArray, bgra), ignore_unknown)
    except FrameError as e:
        raise FrameError(f'labels: {e}') from e
    except ValueError as e:
        raise FrameError(f'labels are colours, but {e}') from e


def _advice(label: npt.NDArray[Any], tags: ClassTable, form: LabelForm) -> str:
    """Return which of CARLA's tables would have fitted, as the end of a message."""
    fitting = []
    for num_tags, table in CARLA_TAGS.items():
        try:
            _decoded(label, table, form, ignore_unknown=False)
        except FrameError:
            continue
        fitting.append(str(num_tags))
    return f' (the table of {" or ".join(fitting)} tags fits)' if fitting else ''


_palette = lru_cache(Palette)
