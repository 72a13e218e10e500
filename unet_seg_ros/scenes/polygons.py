"""Convex polygons of the world, cut at the lens, projected, and filled in any order."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.camera import FloatArray, View

#: What is nearer to the lens than this is cut off [m].
NEAR_M = 0.25
#: Bits behind the binary point in OpenCV's coordinates.
FIXED_BITS = 4
#: Far outside of any picture, yet safe in fixed point [px].
_LIMIT_PX = 2.0e6

#: Blue, green, red, tag; or a single value for a surface of one channel.
Ink = tuple[float, ...]


def clip_near(points_camera_m: FloatArray) -> FloatArray:
    """Cut a polygon [k, 3] in camera axes at the near plane; what is left may be empty."""
    # A handful of points: plain numbers are several times faster than arrays.
    kept: list[tuple[float, float, float]] = []
    corners = points_camera_m.tolist()
    x0, y0, z0 = corners[-1]
    for x1, y1, z1 in corners:
        if (z1 > NEAR_M) != (z0 > NEAR_M):
            share = (NEAR_M - z0) / (z1 - z0)
            kept.append((x0 + share * (x1 - x0), y0 + share * (y1 - y0), NEAR_M))
        if z1 > NEAR_M:
            kept.append((x1, y1, z1))
        x0, y0, z0 = x1, y1, z1
    return np.array(kept, np.float64).reshape(-1, 3)


def to_fixed(pixels: FloatArray) -> npt.NDArray[np.int32]:
    """Return pixel coordinates with `FIXED_BITS` bits behind the point, as OpenCV takes them."""
    limited = np.clip(pixels, -_LIMIT_PX, _LIMIT_PX)
    return np.asarray(np.rint(limited * (1 << FIXED_BITS)), np.int32)


def _inset(quads_px: FloatArray) -> FloatArray:
    """Move the corners of quadrilaterals [n, 4, 2] inwards by half a pixel; return [4 n, 2]."""
    moved = quads_px.copy()
    for first, second in ((0, 1), (3, 2), (0, 3), (1, 2)):
        edge = quads_px[:, second] - quads_px[:, first]
        length = np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-6)
        step = edge * (np.minimum(0.5, 0.49 * length) / length)[:, None]
        moved[:, first] += step
        moved[:, second] -= step
    return np.asarray(moved.reshape(-1, 2), np.float64)


class Polygons:
    """
    Convex polygons, projected into a picture, to be filled in any order.

    Parameters
    ----------
    view : View
        The camera.
    points_m : ndarray
        float64 [p, 3], the corners of all polygons in the world, one after the other.
    lengths : list of int
        Numbers of corners.
    inks : list of tuple
        Colour (and tag) of each polygon.
    least_px : float
        Polygons that are lower than this in the picture are left out.
    thin : bool
        All are quadrilaterals, and narrow: make up for the half pixel by which OpenCV's
        filling grows each side, which would double a far line's width.

    """

    def __init__(
        self,
        view: View,
        points_m: FloatArray,
        lengths: list[int],
        inks: list[Ink],
        least_px: float = 0.0,
        thin: bool = False,
    ) -> None:
        self._view = view
        self._inks = inks
        self._bounds = [0]
        if not lengths:
            return
        starts = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        self._bounds = starts.tolist()
        self._camera_m = camera_m = view.to_camera(points_m)
        depth = camera_m[:, 2]
        centre = view.projection[:2, 2]
        scale = view.camera.focal_px / np.maximum(depth, NEAR_M)
        pixels = camera_m[:, :2] * scale[:, None] + centre
        self._fixed = to_fixed(_inset(pixels.reshape(-1, 4, 2)) if thin else pixels)
        first = starts[:-1]
        whole = np.minimum.reduceat(depth, first) > NEAR_M
        low = np.minimum.reduceat(pixels, first)
        high = np.maximum.reduceat(pixels, first)
        size = view.camera.size
        hidden = (high[:, 0] < 0) | (high[:, 1] < 0)
        hidden |= (low[:, 0] > size.width) | (low[:, 1] > size.height)
        hidden |= high[:, 1] - low[:, 1] < least_px
        behind = np.maximum.reduceat(depth, first) <= NEAR_M
        # 0 draw nothing, 1 draw all of it, 2 cut it first
        how = np.where(behind | (whole & hidden), 0, 2 - whole)
        self._how: list[int] = how.tolist()

    def fill(self, target: ByteArray, first: int = 0, last: int | None = None) -> None:
        """Fill the polygons first, first + 1 ... last - 1 in this order."""
        end = len(self._bounds) - 1 if last is None else last
        fill = cv2.fillConvexPoly
        bounds, inks = self._bounds, self._inks
        for index in range(first, end):
            how = self._how[index]
            if how == 0:
                continue
            if how == 1:
                corners = self._fixed[bounds[index] : bounds[index + 1]]
            else:
                rest = clip_near(self._camera_m[bounds[index] : bounds[index + 1]])
                corners = to_fixed(self._view.to_pixels(rest))
                if len(corners) < 3:
                    continue
            fill(target, corners, inks[index], cv2.LINE_8, FIXED_BITS)
