"""A picture of a recording: some of its frames, each above its labels in colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unet_seg_ros.core.classes import UNKNOWN_ID, ClassTable
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize

_TILE_WIDTH = 320
_COLUMNS = 4
# No tag's colour: what does not count.
_UNKNOWN_BGR = (255, 255, 255)


def montage(frames: Sequence[tuple[ByteArray, ByteArray]], tags: ClassTable) -> ByteArray:
    """
    Return frames side by side, four in a row.

    Parameters
    ----------
    frames : sequence
        Images, uint8 [H, W, 3] in BGR order, and their tag ids, uint8 [H, W]; at least one.
    tags : ClassTable
        Whose colours the labels get; ids that it lacks become black, 255 white.

    Returns
    -------
    ndarray
        uint8 [H, W, 3] in BGR order.

    """
    palette = tags.palette_rgb[:, ::-1].copy()
    palette[UNKNOWN_ID] = _UNKNOWN_BGR
    tiles = [_tile(image, ids, palette) for image, ids in frames]
    rows = [tiles[i : i + _COLUMNS] for i in range(0, len(tiles), _COLUMNS)]
    height, columns = max(len(tile) for tile in tiles), len(rows[0])
    blank = np.zeros((height, _TILE_WIDTH, 3), np.uint8)
    padded = [[_padded(t, height) for t in row] + [blank] * (columns - len(row)) for row in rows]
    return np.vstack([np.hstack(row) for row in padded])


def _tile(image: ByteArray, ids: ByteArray, palette: ByteArray) -> ByteArray:
    height, width = ids.shape
    size = ImageSize(max(1, round(height * _TILE_WIDTH / width)), _TILE_WIDTH)
    return np.vstack([resize_image(image, size), palette[resize_ids(ids, size)]])


def _padded(tile: ByteArray, height: int) -> ByteArray:
    return np.pad(tile, ((0, height - len(tile)), (0, 0), (0, 0)))
