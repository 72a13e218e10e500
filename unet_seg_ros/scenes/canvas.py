"""Drawing in perspective: each call writes a colour and its tag to the very same pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.camera import FloatArray, View

#: What is nearer to the lens than this is cut off [m].
NEAR_M = 0.25
#: Bits behind the binary point in OpenCV's coordinates.
_SHIFT = 4
#: Far outside of any picture, yet safe in fixed point [px].
_LIMIT_PX = 2.0e6
#: From this factor on, an enlarged picture may be drawn at half the resolution.
_SOFT_ENLARGEMENT = 1.0

#: Blue, green, red, tag; or a single value for a surface of one channel.
Ink = tuple[float, ...]


@dataclass(frozen=True)
class LitPicture:
    """
    A picture as it looks under the scene's light.

    Attributes
    ----------
    pixels : ndarray
        uint8 [h, w, 4], BGR and tag.
    mean : tuple of float
        Its mean colour, and its tag.
    """

    pixels: ByteArray
    mean: Ink


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


def _fixed(pixels: FloatArray) -> npt.NDArray[np.int32]:
    limited = np.clip(pixels, -_LIMIT_PX, _LIMIT_PX)
    return np.asarray(np.rint(limited * (1 << _SHIFT)), np.int32)


def _enlargement(outline_px: FloatArray, picture: ByteArray) -> float:
    """Return by how much the nearer end of a wall is higher than its picture."""
    order = np.argsort(outline_px[:, 0])
    ends = outline_px[order[:2], 1], outline_px[order[-2:], 1]
    highest = max(abs(float(end[1] - end[0])) for end in ends)
    return highest / len(picture)


def _inset(quads_px: FloatArray) -> FloatArray:
    """Move the corners of quadrilaterals [n, 4, 2] inwards by half a pixel; return [4 n, 2]."""
    moved = quads_px.copy()
    for first, second in ((0, 1), (3, 2), (0, 3), (1, 2)):
        edge = quads_px[:, second] - quads_px[:, first]
        length = np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-6)
        step = edge * (np.minimum(0.5, 0.49 * length) / length)[:, None]
        moved[:, first] += step
        moved[:, second] -= step
    return moved.reshape(-1, 2)


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
        self._fixed = _fixed(_inset(pixels.reshape(-1, 4, 2)) if thin else pixels)
        first = starts[:-1]
        whole = np.minimum.reduceat(depth, first) > NEAR_M
        low = np.minimum.reduceat(pixels, first)
        high = np.maximum.reduceat(pixels, first)
        size = view.camera.size
        hidden = (high[:, 0] < 0) | (high[:, 1] < 0)
        hidden |= (low[:, 0] > size.width) | (low[:, 1] > size.height)
        hidden |= high[:, 1] - low[:, 1] < least_px
        behind = np.maximum.reduceat(depth, first) <= NEAR_M
        #: 0 draw nothing, 1 draw all of it, 2 cut it first
        self._how: list[int] = np.where(behind | (whole & hidden), 0, 2 - whole).tolist()

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
                corners = _fixed(self._view.to_pixels(rest))
                if len(corners) < 3:
                    continue
            fill(target, corners, inks[index], cv2.LINE_8, _SHIFT)


class Canvas:
    """
    A picture in the making.

    Parameters
    ----------
    view : View
        The camera.

    Attributes
    ----------
    pixels : ndarray
        uint8 [H, W, 4], BGR and tag.

    """

    def __init__(self, view: View) -> None:
        self.view = view
        size = view.camera.size
        self.pixels: ByteArray = np.zeros((size.height, size.width, 4), np.uint8)

    def fill(self, corners_px: FloatArray, ink: Ink) -> None:
        """Fill one convex polygon, given in pixel indices [k, 2]."""
        cv2.fillConvexPoly(self.pixels, _fixed(corners_px), ink, cv2.LINE_8, _SHIFT)

    def wall(self, outline_px: FloatArray, to_image: FloatArray, picture: LitPicture) -> None:
        """
        Draw a picture on a flat wall.

        Parameters
        ----------
        outline_px : ndarray
            float64 [k, 2], the wall's visible part, convex; nothing is drawn outside of it.
        to_image : ndarray
            float64 [3, 3], the map from the picture's pixels to the canvas.
        picture : LitPicture
            What is on the wall, with one tag all over.

        """
        canvas_h, canvas_w = self.pixels.shape[:2]
        (left, top), (right, bottom) = outline_px.min(axis=0), outline_px.max(axis=0)
        left, top = max(0, int(left)), max(0, int(top))
        right, bottom = min(canvas_w, int(right) + 2), min(canvas_h, int(bottom) + 2)
        if right <= left or bottom <= top:
            return
        if right - left < 5 or bottom - top < 5:
            self.fill(outline_px, picture.mean)
            return
        height, width = bottom - top, right - left
        # A picture that is much enlarged loses nothing when it is warped at half the size.
        scale = 2 if _enlargement(outline_px, picture.pixels) > _SOFT_ENLARGEMENT else 1
        shifted = to_image.copy()
        shifted[0] -= left * to_image[2]
        shifted[1] -= top * to_image[2]
        # Pixel centres of the reduced picture lie between those of the canvas.
        shifted[:2] = (shifted[:2] - (scale - 1) / 2 * shifted[2]) / scale
        drawn = cv2.warpPerspective(
            picture.pixels,
            shifted,
            ((width + scale - 1) // scale, (height + scale - 1) // scale),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if scale > 1:
            grown = drawn.shape[1] * scale, drawn.shape[0] * scale
            drawn = cv2.resize(drawn, grown, interpolation=cv2.INTER_LINEAR)[:height, :width]
        inside = np.zeros((height, width), np.uint8)
        corners = _fixed(outline_px - [left, top])
        cv2.fillConvexPoly(inside, corners, 255, cv2.LINE_8, _SHIFT)
        cv2.copyTo(drawn, inside, self.pixels[top:bottom, left:right])

    def billboard(
        self, foot_px: FloatArray, size_px: tuple[float, float], picture: ByteArray, outline: ByteArray
    ) -> None:
        """
        Draw a picture upright with its middle on a foot point.

        Parameters
        ----------
        foot_px : ndarray
            float64 [2], where it stands.
        size_px : tuple of float
            Width and height in the canvas.
        picture : ndarray
            uint8 [h, w, 4] in BGR; its fourth channel is not used.
        outline : ndarray
            uint8 [h, w], the tag, or 0 where nothing is drawn.

        """
        canvas_h, canvas_w = self.pixels.shape[:2]
        x0, y0 = foot_px[0] - size_px[0] / 2, foot_px[1] - size_px[1]
        left, top = max(0, round(x0)), max(0, round(y0))
        right = min(canvas_w, round(x0 + size_px[0]) + 1)
        bottom = min(canvas_h, round(foot_px[1]) + 1)
        if right <= left or bottom <= top:
            return
        scale_x, scale_y = outline.shape[1] / size_px[0], outline.shape[0] / size_px[1]
        to_source = np.array(
            [
                [scale_x, 0.0, (left - x0 + 0.5) * scale_x - 0.5],
                [0.0, scale_y, (top - y0 + 0.5) * scale_y - 0.5],
            ]
        )
        size = right - left, bottom - top
        inverse = cv2.WARP_INVERSE_MAP
        tag = cv2.warpAffine(outline, to_source, size, flags=cv2.INTER_NEAREST | inverse)
        color = cv2.warpAffine(
            picture,
            to_source,
            size,
            flags=cv2.INTER_LINEAR | inverse,
            borderMode=cv2.BORDER_REPLICATE,
        )
        cv2.insertChannel(tag, color, 3)
        cv2.copyTo(color, tag, self.pixels[top:bottom, left:right])
