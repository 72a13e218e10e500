"""Types of command-line options; a wrong value is told by argparse in one line."""

from __future__ import annotations

import argparse
import math

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize


def positive_number(text: str) -> float:
    """Read a finite number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f'{text!r}: give a number above 0')
    return value


def image_size(text: str) -> ImageSize:
    """Read WIDTHxHEIGHT."""
    try:
        return ImageSize.parse(text)
    except ConfigurationError as e:
        raise argparse.ArgumentTypeError(str(e)) from e
