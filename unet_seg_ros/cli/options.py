"""Command-line options that verbs share; a wrong value is told by argparse in one line."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from unet_seg_ros.core.classes import TAG_TABLES
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.resources import user_cache
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


def whole_number(text: str) -> int:
    """Read a whole number, 0 or above."""
    if not re.fullmatch(r'[0-9]+', text):
        raise argparse.ArgumentTypeError(f'{text!r}: give a whole number, 0 or above')
    return int(text)


def topic_name(text: str) -> str:
    """Read a part of a topic's name, as the node's parameter `cameras` has it."""
    if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*', text):
        raise argparse.ArgumentTypeError(
            f'{text!r} is no topic name; use letters, digits and _, a letter first'
        )
    return text


def image_size(text: str) -> ImageSize:
    """Read WIDTHxHEIGHT."""
    try:
        return ImageSize.parse(text)
    except ConfigurationError as e:
        raise argparse.ArgumentTypeError(str(e)) from e


def tag_table(text: str) -> int | str:
    """Read the name of a table of tags, such as 29 or camvid."""
    tables = {str(key): key for key in TAG_TABLES}
    if text not in tables:
        raise argparse.ArgumentTypeError(f'{text!r}: choose from {", ".join(tables)}')
    return tables[text]


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where frames come from."""
    parser.add_argument(
        '--data-root', type=Path, default=Path(), help="where the recipe's folders start"
    )
    parser.add_argument(
        '--cache', type=Path, default=user_cache(), help='where rendered scenes are kept'
    )
