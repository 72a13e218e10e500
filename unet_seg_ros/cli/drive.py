"""``unet-seg drive``: a rendered drive as the CARLA ROS bridge publishes it."""

from __future__ import annotations

import argparse
from pathlib import Path

from unet_seg_ros.cli.options import image_size, positive_number, topic_name, whole_number
from unet_seg_ros.cli.requirements import require_ros


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--layouts',
        nargs='+',
        metavar='LAYOUT',
        help='districts to drive through in turn (default: those held out of training)',
    )
    parser.add_argument(
        '--seed', type=whole_number, default=0, help='another seed is another town'
    )
    parser.add_argument(
        '--leg',
        type=whole_number,
        default=400,
        metavar='N',
        help='frames until the next layout, and after the last the next seed; 0 for never',
    )
    parser.add_argument(
        '--role',
        type=topic_name,
        default='ego_vehicle',
        help="CARLA's role name of the vehicle",
    )
    parser.add_argument('--camera', type=topic_name, default='rgb_front', help='id of the camera')
    parser.add_argument(
        '--size', type=image_size, default='1280x720', help='WIDTHxHEIGHT of the images'
    )
    parser.add_argument(
        '--rate', type=positive_number, default=20.0, metavar='HZ', help='frames per second'
    )
    parser.add_argument(
        '--frames',
        type=whole_number,
        default=0,
        metavar='N',
        help='how many; 0 (the default) for no end',
    )
    parser.add_argument(
        '--ahead',
        type=whole_number,
        default=1,
        metavar='N',
        help='frames drawn before the first is sent, for machines that draw too slowly',
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
    """Publish until the last frame or Ctrl-C."""
    require_ros()
    from unet_seg_ros.ros.drive import DriveOptions, publish_drive
    from unet_seg_ros.scenes import HELD_OUT_LAYOUTS

    options = DriveOptions(
        layouts=tuple(args.layouts or HELD_OUT_LAYOUTS),
        seed=args.seed,
        leg_frames=args.leg,
        role=args.role,
        camera=args.camera,
        size=args.size,
        rate_hz=args.rate,
        num_frames=args.frames,
        num_ahead=args.ahead,
        readers=args.wait_for,
        log=args.log,
    )
    layouts = ', '.join(options.layouts)
    print(f'{layouts}, seed {options.seed} -> {options.image_topic}', flush=True)
    publish_drive(options)
    return 0
