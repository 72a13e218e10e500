"""One camera: its rate, its images and their masked parts, and who reads what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from unet_seg_ros.core.finding import Finding, fail, ok, skip, warn
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.size import ImageSize

# An ego mask of the camera's shape, drawn smaller or larger, differs by rounding.
_SAME_SHAPE = 0.02

_EGO_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


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


def check_publishers(subject: str, topic: str, num_publishers: int) -> list[Finding]:
    """Tell whether the images of several cameras come on one topic."""
    if num_publishers < 2:
        return []
    return [
        warn(
            subject,
            f'{num_publishers} publishers send images to {topic}',
            'end all but one, or give each a topic of its own',
        )
    ]


def check_frame(subject: str, frame_id: str, info_frame_id: str | None) -> list[Finding]:
    """
    Tell whether the images say where they were taken, and their CameraInfo the same.

    Parameters
    ----------
    subject : str
        The finding's.
    frame_id : str
        The images'.
    info_frame_id : str or None
        The CameraInfo's; None if none came.

    """
    if not frame_id:
        return [
            warn(
                subject,
                'images have no frame_id: masks cannot be placed in TF',
                "let the driver set the camera's optical frame",
            )
        ]
    if info_frame_id not in (None, frame_id):
        return [
            warn(
                subject,
                f'images are in frame {frame_id}, camera_info is in {info_frame_id!r}: it is '
                "republished in the images' frame",
                'let both have the optical frame',
            )
        ]
    return []


def check_region(subject: str, region: Sequence[int], size: ImageSize) -> list[Finding]:
    """
    Tell whether the part that is segmented lies in the image.

    Parameters
    ----------
    subject : str
        The finding's.
    region : sequence of int
        The parameter ``region``, as the node takes it; none or zeros for the whole image.
    size : ImageSize
        The size of the images.

    """
    if not any(region):
        return []
    part = Rectangle(*region)
    if part.x + part.width <= size.width and part.y + part.height <= size.height:
        return [ok(subject, f'the region {part} lies within the images')]
    return [
        fail(
            subject,
            f'the region {part} reaches out of the images of {size} px: all are dropped',
            'choose a region within them',
        )
    ]


def check_ego_mask(subject: str, path: Path, size: ImageSize) -> Finding:
    """
    Tell whether a mask of the own vehicle belongs to the images.

    Parameters
    ----------
    subject : str
        The finding's.
    path : Path
        The mask; an image that can be read.
    size : ImageSize
        The size of the images.

    """
    mask = cv2.imread(str(path), _EGO_FLAGS)
    if mask is None:
        return fail(subject, f'ego mask {path} is no image that can be read', 'give a PNG')
    drawn = ImageSize.of(mask)
    share = float((mask.reshape(*drawn, -1) != 0).any(axis=2).mean())
    if share in (0.0, 1.0):
        hidden = 'nothing' if share == 0.0 else 'the whole image'
        return (fail if share else warn)(
            subject,
            f'ego mask {path} hides {hidden}',
            'paint the own vehicle white, and all else black',
        )
    if abs(drawn.width * size.height / (drawn.height * size.width) - 1) > _SAME_SHAPE:
        return warn(
            subject,
            f'ego mask {path} is {drawn} px, the images are {size} px: it is stretched',
            "draw it on one of this camera's images",
        )
    return ok(subject, f'the ego mask hides {share:.0%} of the images')


def check_output(subject: str, num_readers: int) -> Finding:
    """Tell whether anybody reads what the node publishes."""
    if num_readers:
        return ok(subject, f'{num_readers} subscriptions read its masks')
    return skip(subject, 'nobody subscribes to its masks: none is computed')
