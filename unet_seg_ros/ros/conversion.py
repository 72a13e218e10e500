"""From image messages to frames; what we do not read goes to the sourced ROS's cv_bridge."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sensor_msgs.msg import CompressedImage, Image

from unet_seg_ros.core.compressed import decode_image
from unet_seg_ros.core.errors import FrameError, one_line
from unet_seg_ros.core.pixels import ENCODINGS, RawFrame
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.ros.messages import image_bytes

# What cv_bridge raises for images that it cannot read: CvBridgeError is a TypeError, as is a cut
# off buffer; big-endian data meet numpy 2's AttributeError; a cv_bridge built for another numpy
# fails when it first needs its compiled half.
_CV_BRIDGE_ERRORS = (TypeError, ValueError, AttributeError, ImportError, RuntimeError)


def _sourced_cv_bridge() -> Any:
    # The package of that name on PyPI is ROS 1's and gives wrong pixels in silence: only the one
    # below a sourced prefix is trusted.
    spec = find_spec('cv_bridge')
    if spec is None or spec.origin is None:
        return None
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    if not any(Path(spec.origin).is_relative_to(prefix) for prefix in prefixes):
        return None
    return importlib.import_module('cv_bridge')


def to_frame(message: Image | CompressedImage) -> RawFrame:
    """
    Return the frame that an image message holds, without a copy where we read its encoding.

    Raises
    ------
    FrameError
        If the encoding is not ours and cv_bridge is absent or refuses it, or a compressed image
        is not a whole JPEG or PNG.

    """
    if isinstance(message, CompressedImage):
        return decode_image(bytes(message.data), message.format)
    if message.encoding in ENCODINGS:
        size = ImageSize(message.height, message.width)
        return RawFrame(
            image_bytes(message), message.encoding, size, message.step, bool(message.is_bigendian)
        )
    cv_bridge = _sourced_cv_bridge()
    if cv_bridge is None:
        raise FrameError(
            f'encoding {message.encoding!r} cannot be read without cv_bridge: source a ROS that '
            f'has it, or send one of {", ".join(ENCODINGS)}'
        )
    try:
        return RawFrame.from_bgr(cv_bridge.CvBridge().imgmsg_to_cv2(message, 'bgr8'))
    except _CV_BRIDGE_ERRORS as e:
        raise FrameError(
            f'encoding {message.encoding!r}: cv_bridge refuses it: {one_line(e)}'
        ) from e
