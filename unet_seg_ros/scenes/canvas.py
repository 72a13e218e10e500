"""Drawing pictures in perspective: colour and tag go to the very same pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.scenes.camera import FloatArray, View
from unet_seg_ros.scenes.polygons import FIXED_BITS, Ink, to_fixed

#: Walls of more pixels than this are worth the detour over a lower resolution.
_LARGE_PX = 20_000


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


def _enlargement(outline_px: FloatArray, picture: ByteArray) -> float:
    """Return by how much the nearer end of a wall is higher than its picture."""
    order = np.argsort(outline_px[:, 0])
    ends = outline_px[order[:2], 1], outline_px[order[-2:], 1]
    highest = max(abs(float(end[1] - end[0])) for end in ends)
    return highest / len(picture)


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
        cv2.fillConvexPoly(self.pixels, to_fixed(corners_px), ink, cv2.LINE_8, FIXED_BITS)

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
        # An enlarged picture loses little when it is warped at a part of the size.
        scale = 1
        if height * width > _LARGE_PX:
            enlargement = _enlargement(outline_px, picture.pixels)
            scale = 4 if enlargement > 3.0 else 2 if enlargement > 1.0 else 1
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
        corners = to_fixed(outline_px - [left, top])
        cv2.fillConvexPoly(inside, corners, 255, cv2.LINE_8, FIXED_BITS)
        cv2.copyTo(drawn, inside, self.pixels[top:bottom, left:right])

    def billboard(
        self,
        foot_px: FloatArray,
        size_px: tuple[float, float],
        picture: ByteArray,
        outline: ByteArray,
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
