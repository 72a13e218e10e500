"""``unet-seg collect``: record a CARLA server; not verified against one, see the epilog."""

from __future__ import annotations

import argparse
import math
from importlib.util import find_spec
from pathlib import Path

from unet_seg_ros.cli.options import image_size, positive_number, whole_number
from unet_seg_ros.collect.options import CollectOptions, Mount
from unet_seg_ros.core.errors import ConfigurationError

EPILOG = (
    'The world is stepped in synchronous mode, 0.05 s a tick. At the end its settings and weather '
    'are put back and our actors destroyed; the last town stays loaded. A vehicle that stands for '
    'a minute is replaced by one elsewhere, and recording.json lists the jump. '
    'Not verified against a CARLA server: the calls follow the Python API of 0.9.16, and only '
    'their order was tested, against a stand-in.'
)


def camera_mount(text: str) -> Mount:
    """Read x,y,z,pitch."""
    try:
        mount = Mount(*(float(part) for part in text.split(',')))
    except (TypeError, ValueError):
        mount = Mount(math.nan, math.nan, math.nan, math.nan)
    if not all(map(math.isfinite, mount)):
        raise argparse.ArgumentTypeError(f'{text!r}: give x,y,z,pitch such as 2,0,2,-5')
    return mount


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    _add_server_arguments(parser)
    parser.add_argument(
        '--output', type=Path, required=True, help='folder: one sub-folder per drive'
    )
    parser.add_argument('--append', action='store_true', help="add to the folder's drives")
    parser.add_argument(
        '--towns',
        nargs='+',
        action='extend',
        default=[],
        metavar='TOWN',
        help='maps (default: the loaded one)',
    )
    parser.add_argument(
        '--weathers',
        nargs='+',
        default=('ClearNoon',),
        metavar='WEATHER',
        help='presets such as ClearNoon, or random; a drive through each town in each',
    )
    parser.add_argument(
        '--frames', type=whole_number, default=200, metavar='N', help='frames of a drive'
    )
    parser.add_argument(
        '--every', type=whole_number, default=10, metavar='N', help='ticks from frame to frame'
    )
    parser.add_argument('--vehicles', type=whole_number, default=50, metavar='N')
    parser.add_argument('--walkers', type=whole_number, default=30, metavar='N')
    parser.add_argument(
        '--seed', type=whole_number, default=0, help='of the first drive; the next has the next'
    )
    _add_camera_arguments(parser)


def _add_server_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--host', default='localhost', help='of the CARLA server')
    parser.add_argument('--port', type=whole_number, default=2000)
    parser.add_argument(
        '--timeout',
        type=positive_number,
        default=20.0,
        metavar='S',
        help='longest wait for an answer or a frame [s]; loading a town may take longer',
    )
    parser.add_argument(
        '--tm-port', type=whole_number, default=8000, help='of the traffic manager'
    )


def _add_camera_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--size', type=image_size, default='1280x720', help='WIDTHxHEIGHT of the images'
    )
    parser.add_argument(
        '--fov', type=positive_number, default=90.0, metavar='DEG', help='horizontal field of view'
    )
    # The default is where the CARLA ROS bridge mounts its rgb_front.
    parser.add_argument(
        '--mount',
        type=camera_mount,
        default='2,0,2,0',
        metavar='X,Y,Z,PITCH',
        help='camera from the middle of the vehicle: ahead, right, up [m], pitch up [deg]; '
        'write --mount=-1,... where it begins with a minus',
    )


def run(args: argparse.Namespace) -> int:
    """Record until the last drive or Ctrl-C."""
    if find_spec('carla') is None:
        raise ConfigurationError(
            "carla is not installed: pip install 'unet_seg_ros[carla]' (Python 3.10 to 3.12)"
        )
    from unet_seg_ros.collect.session import collect

    options = CollectOptions(
        host=args.host,
        port=args.port,
        timeout_s=args.timeout,
        tm_port=args.tm_port,
        towns=tuple(args.towns),
        weathers=tuple(args.weathers),
        num_frames=args.frames,
        every_ticks=args.every,
        num_vehicles=args.vehicles,
        num_walkers=args.walkers,
        size=args.size,
        fov_deg=args.fov,
        mount=args.mount,
        seed=args.seed,
        output=args.output,
        append=args.append,
    )
    collect(options, lambda line: print(line, flush=True))
    return 0
