"""Masks as runs, the form in which Autoware's nodes exchange them."""

from __future__ import annotations

import numpy as np

from unet_seg_ros.core.size import ByteArray

# As `perception_utils::runLengthDecoder` of autoware_universe copies them out of the bytes: a
# uint8 and an int without padding between them. Its int is that of the machine; all that Autoware
# runs on are little endian.
_RUN = np.dtype([('value', 'u1'), ('length', '<i4')])


def encode_runs(mask_hw: ByteArray) -> ByteArray:
    """
    Encode a mask by the lengths of its runs, row after row, runs reaching over row ends.

    Parameters
    ----------
    mask_hw : ndarray
        uint8 [H, W], not empty.

    Returns
    -------
    ndarray
        uint8 [5 * number of runs]: for each run its value in one byte and its length in pixels
        as a little-endian int32; the lengths add up to H * W.

    """
    values = mask_hw.reshape(-1)
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    runs = np.empty(len(starts) + 1, _RUN)
    runs['value'][0] = values[0]
    runs['value'][1:] = values[starts]
    runs['length'] = np.diff(starts, prepend=0, append=values.size)
    return runs.view(np.uint8)
