"""Options that say how a labelled recording is read."""

from __future__ import annotations

import argparse

from unet_seg_ros.cli.options import positive_number
from unet_seg_ros.recordings.labels import LABEL_FORMS
from unet_seg_ros.recordings.recording import HALF_STEP_S, ReadOptions


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--form', default='auto', choices=LABEL_FORMS, help='form of the labels')
    parser.add_argument(
        '--images', metavar='NAME', help='sub-folder, or topic, of the images, if unclear'
    )
    parser.add_argument('--labels', metavar='NAME', help='the same for the labels')
    parser.add_argument(
        '--ignore-unknown',
        action='store_true',
        help='leave out pixels whose label the table lacks, instead of the whole frame',
    )
    parser.add_argument(
        '--tolerance',
        type=positive_number,
        default=HALF_STEP_S,
        metavar='S',
        help="how far apart the stamps of a bag's image and labels may be (default: %(default)s)",
    )


def read_options(args: argparse.Namespace) -> ReadOptions:
    """Return what they say, but for the form of the labels."""
    return ReadOptions(
        images=args.images,
        labels=args.labels,
        ignore_unknown=args.ignore_unknown,
        tolerance_s=args.tolerance,
    )
