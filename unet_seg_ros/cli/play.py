"""``unet-seg play``: a recording as a camera."""

from __future__ import annotations

import argparse
from pathlib import Path

from unet_seg_ros.cli.options import positive_number, topic_name, whole_number
from unet_seg_ros.cli.requirements import require_ros
from unet_seg_ros.core.classes import CARLA_TAGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('path', type=Path, help='a folder of images, or a rosbag2')
    parser.add_argument('--topic', help="the bag's image topic, if it has several")
    parser.add_argument(
        '--camera', type=topic_name, default='camera', help='publishes CAMERA/image_raw'
    )
    parser.add_argument(
        '--rate',
        type=positive_number,
        metavar='HZ',
        help="frames per second (default: the bag's own; 20 for a folder)",
    )
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    parser.add_argument(
        '--seconds', type=positive_number, metavar='S', help='play no more than this'
    )
    parser.add_argument(
        '--carla-tags',
        type=int,
        choices=sorted(CARLA_TAGS),
        help="publish a folder's labels too, coloured: the CARLA tag table they use",
    )
    parser.add_argument(
        '--wait-for',
        type=whole_number,
        default=0,
        metavar='N',
        help='subscribers before the first frame',
    )
    parser.add_argument('--log', type=Path, help='write stamp and steady time [ns] of each image')


def run(args: argparse.Namespace) -> int:
    """Publish until the recording's end or Ctrl-C."""
    require_ros()
    from unet_seg_ros.ros.player import PlayOptions, play

    options = PlayOptions(
        path=args.path,
        topic=args.topic,
        camera=args.camera,
        rate_hz=args.rate,
        loop=args.loop,
        seconds=args.seconds,
        label_tags=args.carla_tags,
        readers=args.wait_for,
        log=args.log,
    )
    print(f'{options.path} -> {options.image_topic}', flush=True)
    num_sent = play(options)
    print(f'{num_sent} frames sent', flush=True)
    return 0
