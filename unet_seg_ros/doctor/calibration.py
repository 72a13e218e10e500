"""Whether a camera's CameraInfo can be true."""

from __future__ import annotations

import math

import numpy as np

from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.finding import Finding, fail, ok, warn
from unet_seg_ros.core.size import ImageSize

# From a strong telephoto lens to a fisheye taken for a pinhole [degrees].
_NARROWEST, _WIDEST = 5.0, 170.0

# The principal point lies near the middle; a cropped image moves it, hardly out of this part.
_MIDDLE = (0.2, 0.8)

# A K of another size has it off by the same share of width and height, and by at least so much;
# cropping moves it along one axis, or not by so nearly the same.
_OFF_SHARE, _SAME_SHARE = 0.1, 0.02

# Pixels of cameras are square; anamorphic lenses and skipped columns give up to 2.
_MAX_ASPECT = 2.1

_K_REMEDY = (
    'calibrate the camera anew; CARLA with --ros2 sends a wrong K before late 2025: take its ROS '
    'bridge, or compute K from width and field of view'
)


def check_calibration(
    subject: str, calibration: Calibration | None, size: ImageSize | None
) -> Finding:
    """
    Tell whether a camera's CameraInfo is there and can be true.

    Parameters
    ----------
    subject : str
        The finding's.
    calibration : Calibration or None
        What came; None if nothing did.
    size : ImageSize or None
        The size of the camera's images; None if none came.

    """
    if calibration is None:
        return warn(
            subject,
            'no camera_info came: masks are published without it',
            'publish it beside the image, or set camera_info_topic',
        )
    if size is not None and calibration.image_size != size:
        return fail(
            subject,
            f'camera_info is for {calibration.image_size} px, the images are {size} px: it is not '
            'republished',
            'let both come from the same camera',
        )
    if wrong := _mistake_of_k(calibration):
        return fail(subject, wrong, _K_REMEDY)
    if other := _size_of_k(calibration):
        return fail(
            subject,
            f'camera_info has a K for {other} px, by its principal point, and not for '
            f'{calibration.size} px',
            'scale K as the images are scaled, or calibrate the camera at their size',
        )
    if not calibration.k.any():
        return warn(subject, 'camera_info has a K of zeros: not calibrated', 'calibrate it')
    across, down = _fields_of_view(calibration)
    return ok(
        subject,
        f'camera_info: {calibration.image_size} px, sees {across:.0f} by {down:.0f} degrees',
    )


def _fields_of_view(calibration: Calibration) -> tuple[float, float]:
    height, width = calibration.size
    across, down = (
        math.degrees(2 * math.atan2(length / 2, focal))
        for length, focal in ((width, calibration.k[0, 0]), (height, calibration.k[1, 1]))
    )
    return across, down


def _mistake_of_k(calibration: Calibration) -> str:
    k, (height, width) = calibration.k, calibration.size
    if not k.any():
        return ''
    focal_x, focal_y = k[0, 0], k[1, 1]
    if not np.isfinite(k).all() or focal_x <= 0 or focal_y <= 0:
        return f'camera_info has a K with the focal lengths {focal_x:g} and {focal_y:g} px'
    across, _ = _fields_of_view(calibration)
    if not _NARROWEST <= across <= _WIDEST:
        return (
            f'camera_info has a K with a focal length of {focal_x:g} px, which at a width of '
            f'{width} px means a field of view of {across:.2g} degrees'
        )
    if max(focal_x, focal_y) > _MAX_ASPECT * min(focal_x, focal_y):
        return (
            f'camera_info has a K with focal lengths as unlike as {focal_x:g} and {focal_y:g} px'
        )
    low, high = _MIDDLE
    x, y = k[0, 2] / width, k[1, 2] / height
    if not (low <= x <= high and low <= y <= high):
        return (
            f'camera_info has a K with the principal point ({k[0, 2]:g}, {k[1, 2]:g}), far from '
            f'the middle of {width}x{height} px'
        )
    return ''


def _size_of_k(calibration: Calibration) -> ImageSize | None:
    """Return the size of which K's principal point is the middle, if it is quite another."""
    x, y = calibration.k[:2, 2]
    height, width = calibration.size
    across, down = x / width - 0.5, y / height - 0.5
    if not calibration.k.any() or abs(across - down) > _SAME_SHARE or abs(across) < _OFF_SHARE:
        return None
    return ImageSize(round(2 * y), round(2 * x))
