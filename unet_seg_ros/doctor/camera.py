"""One camera: its rate, its images, and whether its CameraInfo can be true."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unet_seg_ros.core.calibration import Calibration
from unet_seg_ros.core.finding import Finding, fail, ok, skip, warn
from unet_seg_ros.core.size import ImageSize

# From a strong telephoto lens to a fisheye taken for a pinhole [degrees].
_NARROWEST, _WIDEST = 5.0, 170.0

# The principal point lies near the middle; a cropped image moves it, hardly out of this part.
_MIDDLE = (0.2, 0.8)

# Pixels of cameras are square; anamorphic lenses and skipped columns give up to 2.
_MAX_ASPECT = 2.1

_K_REMEDY = (
    'calibrate the camera anew; CARLA with --ros2 sends a wrong K before late 2025: take its ROS '
    'bridge, or compute K from width and field of view'
)


def check_rate(subject: str, arrivals_s: Sequence[float], seconds: float) -> Finding:
    """
    Tell how many images came.

    Parameters
    ----------
    subject : str
        The finding's.
    arrivals_s : sequence of float
        When images came, on the steady clock [s].
    seconds : float
        How long they were listened to.

    """
    if not arrivals_s:
        return fail(
            subject,
            f'no image came in {seconds:g} s, though somebody publishes there',
            'is the camera running? listen longer with --seconds',
        )
    if len(arrivals_s) == 1:
        return warn(subject, f'one image came in {seconds:g} s', 'listen longer with --seconds')
    gaps_s = np.diff(arrivals_s)
    return ok(
        subject,
        f'{1 / gaps_s.mean():.1f} images/s arrive, the longest gap is {gaps_s.max() * 1e3:.0f} ms',
    )


def check_image(subject: str, form: str, problem: str) -> Finding:
    """
    Tell whether the node reads what the camera sends.

    Parameters
    ----------
    subject : str
        The finding's.
    form : str
        An image's size and encoding.
    problem : str
        With what words the node drops it; else empty.

    """
    return (
        fail(subject, f'images are {form}, which the node drops: {problem}')
        if problem
        else ok(subject, f'images are {form}')
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


def check_output(subject: str, num_readers: int) -> Finding:
    """Tell whether anybody reads what the node publishes."""
    if num_readers:
        return ok(subject, f'{num_readers} subscriptions read its masks')
    return skip(subject, 'nobody subscribes to its masks: none is computed')
