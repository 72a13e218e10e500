"""A camera's calibration as numbers, and what becomes of it when its image is cut and scaled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """
    The geometry that ``sensor_msgs/CameraInfo`` states (REP 104); distortion does not change.

    Attributes
    ----------
    size : ImageSize
        The full resolution, for which K and P hold [px].
    k : ndarray
        float64 [3, 3], intrinsics of the raw image [px]; zero if the camera is not calibrated.
    p : ndarray
        float64 [3, 4], projection of the rectified image [px]; likewise.
    binning : tuple of int
        Full-resolution pixels per pixel of the image along x and y; 0 means 1.
    roi : Rectangle, optional
        The part of the full resolution that the image shows; None for all of it.

    """

    size: ImageSize
    k: FloatArray
    p: FloatArray
    binning: tuple[int, int] = (0, 0)
    roi: Rectangle | None = None

    @property
    def image_size(self) -> ImageSize:
        """The size of the image that this belongs to [px]."""
        shown = self.roi or Rectangle.of(self.size)
        return ImageSize(
            shown.height // max(self.binning[1], 1), shown.width // max(self.binning[0], 1)
        )

    def of_window(self, window: Rectangle, output: ImageSize) -> Calibration:
        """
        Return the calibration of a part of the image, scaled to another size.

        Parameters
        ----------
        window : Rectangle
            The part, in pixels of the image [px].
        output : ImageSize
            The size that it is scaled to [px].

        Returns
        -------
        Calibration
            This one where the part is the whole image at its own size. Else K and P hold for the
            output as it is, without binning and region, so that readers which know neither are
            right too.

        Notes
        -----
        The principal point is scaled as focal lengths are, which is what image_proc and
        image_geometry do: the middle of an image stays its middle.

        """
        image_size = self.image_size
        if window == Rectangle.of(image_size) and output == image_size:
            return self
        shown = self.roi or Rectangle.of(self.size)
        per_pixel_x, per_pixel_y = (max(b, 1) for b in self.binning)
        left = shown.x + window.x * per_pixel_x
        top = shown.y + window.y * per_pixel_y
        scale_x = output.width / (window.width * per_pixel_x)
        scale_y = output.height / (window.height * per_pixel_y)
        move = np.array([[scale_x, 0, -left * scale_x], [0, scale_y, -top * scale_y], [0, 0, 1]])
        return replace(
            self, size=output, k=move @ self.k, p=move @ self.p, binning=(1, 1), roi=None
        )
