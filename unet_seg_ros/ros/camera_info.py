"""CameraInfo messages as calibrations, and back."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo

from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.geometry import Geometry
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize


def calibration_of(info: CameraInfo) -> Calibration:
    """Return what a message says, its distortion aside."""
    roi = info.roi
    has_roi = roi.width > 0 and roi.height > 0
    return Calibration(
        size=ImageSize(info.height, info.width),
        k=np.asarray(info.k, np.float64).reshape(3, 3),
        p=np.asarray(info.p, np.float64).reshape(3, 4),
        binning=(info.binning_x, info.binning_y),
        roi=Rectangle(roi.x_offset, roi.y_offset, roi.width, roi.height) if has_roi else None,
    )


def output_info(info: CameraInfo, calibration: Calibration, geometry: Geometry) -> CameraInfo:
    """
    Return the camera information of what is published of a camera.

    Parameters
    ----------
    info : CameraInfo
        The camera's.
    calibration : Calibration
        The same, as `calibration_of` gives it.
    geometry : Geometry
        What the output shows.

    Returns
    -------
    CameraInfo
        `info` itself where the output is the camera's whole image at its own size.

    """
    scaled = calibration.of_window(geometry.window, geometry.output)
    if scaled is calibration:
        return info
    message = CameraInfo(
        height=scaled.size.height,
        width=scaled.size.width,
        distortion_model=info.distortion_model,
        d=info.d,
        r=info.r,
        binning_x=scaled.binning[0],
        binning_y=scaled.binning[1],
    )
    message.k = scaled.k.reshape(9)
    message.p = scaled.p.reshape(12)
    return message
