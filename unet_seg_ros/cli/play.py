"""``unet-seg play``: a recording as a camera."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from unet_seg_ros.cli.keyboard import DOWN, LEFT, RIGHT, UP, keyboard
from unet_seg_ros.cli.options import positive_number, topic_name, whole_number
from unet_seg_ros.cli.requirements import require_ros
from unet_seg_ros.core.classes import CARLA_TAGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('path', type=Path, help='a folder of images, or a rosbag2')
    parser.add_argument('--topic', help="the bag's image topic, if it has several")
    parser.add_argument(
        '--camera',
        type=topic_name,
        default='camera',
        help='publishes CAMERA/image_raw, and CAMERA/camera_info if a bag has it',
    )
    parser.add_argument(
        '--rate',
        type=positive_number,
        metavar='HZ',
        help="frames per second (default: the bag's own; 20 for a folder)",
    )
    parser.add_argument(
        '--speed',
        type=positive_number,
        default=1.0,
        metavar='FACTOR',
        help='play so much faster than that; below 1 slower',
    )
    parser.add_argument(
        '--start',
        type=_seconds,
        default=0.0,
        metavar='S',
        help='begin so many seconds behind the first frame',
    )
    parser.add_argument(
        '--duration',
        type=positive_number,
        default=math.inf,
        metavar='S',
        help='play, or loop, only so many seconds of the recording',
    )
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    parser.add_argument(
        '--seconds',
        type=positive_number,
        default=math.inf,
        metavar='S',
        help='play no more than this, loops and all',
    )
    parser.add_argument(
        '--clock',
        action='store_true',
        help="publish /clock for nodes with use_sim_time: stamps are the recording's own, and go "
        'on in a loop',
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
    from unet_seg_ros.ros.player import play
    from unet_seg_ros.ros.player_deck import SEEK_S, Command
    from unet_seg_ros.ros.player_options import PlayOptions

    options = PlayOptions(
        path=args.path,
        topic=args.topic,
        camera=args.camera,
        rate_hz=args.rate,
        speed=args.speed,
        start_s=args.start,
        duration_s=args.duration,
        loop=args.loop,
        seconds=args.seconds,
        clock=args.clock,
        label_tags=args.carla_tags,
        readers=args.wait_for,
        log=args.log,
    )
    keys = {' ': Command.PAUSE, 'q': Command.END}
    arrows = {LEFT: Command.BACK, RIGHT: Command.AHEAD, UP: Command.FASTER, DOWN: Command.SLOWER}
    keys |= {text: command for texts, command in arrows.items() for text in texts}
    print(f'{options.path} -> {options.image_topic}', flush=True)
    with keyboard(keys) as keyed:
        if keyed.is_there:
            print(f'space: pause, left/right: seek {SEEK_S:g} s, up/down: speed, q: end')
        num_sent = play(options, keyed.pressed, lambda line: print(line, flush=True))
    print(f'{num_sent} frames sent', flush=True)
    return 0


def _seconds(text: str) -> float:
    return 0.0 if re.fullmatch(r'0+(\.0*)?', text) else positive_number(text)
