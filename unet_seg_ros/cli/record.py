"""``unet-seg record``: cameras and their masks into an MCAP file."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from unet_seg_ros.cli.options import positive_number, topic_name
from unet_seg_ros.cli.requirements import require_ros
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.recordings.storage import COMPRESSIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--cameras',
        nargs='+',
        type=_camera,
        default=[],
        metavar='CAMERA',
        help="the node's cameras; those with an image topic of their own as CAMERA=TOPIC. Records "
        'images, camera_info, mask and drivable_mask',
    )
    parser.add_argument(
        '--output', type=Path, required=True, metavar='MCAP', help='the file to write'
    )
    parser.add_argument(
        '--topics',
        nargs='+',
        type=_topic,
        default=[],
        metavar='TOPIC',
        help='other topics to record, of any type; /diagnostics is always one',
    )
    parser.add_argument(
        '--images',
        choices=('raw', 'compressed'),
        default='raw',
        help="the camera's image topic, or that with /compressed behind it",
    )
    parser.add_argument(
        '--seconds',
        type=positive_number,
        default=math.inf,
        metavar='S',
        help='end so long after the first message (default: with Ctrl-C)',
    )
    parser.add_argument(
        '--compression',
        choices=COMPRESSIONS,
        default='none',
        help='of the file; lz4 costs little and shrinks masks, zstd shrinks images too',
    )


def run(args: argparse.Namespace) -> int:
    """Record until the time is over or Ctrl-C."""
    require_ros()
    if args.output.suffix != '.mcap':
        raise ConfigurationError(f'--output {args.output}: name a file that ends with .mcap')
    try:
        from unet_seg_ros.ros.recorder import RecordedCamera, RecordOptions, record
    except ImportError as e:
        raise ConfigurationError(
            f"recording needs mcap ({e}): pip install 'unet_seg_ros[recordings]'"
        ) from e
    options = RecordOptions(
        output=args.output,
        cameras=tuple(RecordedCamera(name, image) for name, image in args.cameras),
        topics=('/diagnostics', *args.topics),
        compressed_images=args.images == 'compressed',
        seconds=args.seconds,
        compression=args.compression,
    )
    counts = record(options)
    print(f'{options.output}: {options.output.stat().st_size / 1e6:.1f} MB')
    for count in counts:
        losses = {'dropped': count.num_dropped, 'lost on the way': count.num_lost}
        told = [f'{number} {what}' for what, number in losses.items() if number]
        print(f'{count.num_written:8}  {count.topic}' + (f' ({", ".join(told)})' if told else ''))
    return 0


def _topic(text: str) -> str:
    topic_name(text.removeprefix('/'))
    return text


def _camera(text: str) -> tuple[str, str]:
    name, _, image = text.partition('=')
    return topic_name(name), _topic(image or f'{name}/image_raw')
