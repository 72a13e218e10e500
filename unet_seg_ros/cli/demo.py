"""``unet-seg demo``: a drive or a recording through the real node, then figures and pictures."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from unet_seg_ros.cli.options import image_size, positive_number, whole_number
from unet_seg_ros.cli.requirements import require_ros
from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.demo.sources import Recording, RenderedDrive, Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--input', type=Path, help='a folder of images or a rosbag2 (default: a rendered drive)'
    )
    parser.add_argument('--topic', help="the bag's image topic, if it has several")
    parser.add_argument(
        '--carla-tags',
        type=int,
        choices=sorted(CARLA_TAGS),
        help="score against the folder's labels: the CARLA tag table they use",
    )
    parser.add_argument(
        '--seconds', type=positive_number, default=20.0, help='how long (default: 20)'
    )
    parser.add_argument(
        '--output', type=Path, default=Path('out/demo'), help='folder of the results'
    )
    parser.add_argument(
        '--layouts',
        nargs='+',
        metavar='LAYOUT',
        help='districts of the drive, each with two seeds (default: those held out of training)',
    )
    parser.add_argument('--seed', type=whole_number, default=0, help='the first of the two seeds')
    parser.add_argument(
        '--size', type=image_size, default='1280x720', help='WIDTHxHEIGHT of the rendered drive'
    )
    parser.add_argument('--model', type=Path, help='model file (default: the shipped one)')


def run(args: argparse.Namespace) -> int:
    """Run the demonstration; nothing stays behind, however it ends."""
    from unet_seg_ros.core.contract import read_contract
    from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file
    from unet_seg_ros.demo.domain import own_domain
    from unet_seg_ros.demo.figures import figures, table
    from unet_seg_ros.demo.pictures import require_animations
    from unet_seg_ros.demo.report import write_report
    from unet_seg_ros.demo.session import Session

    require_ros()
    require_animations()
    source = _source(args)
    model = args.model or shared_file('models', DEFAULT_MODEL)
    contract = read_contract(model)
    unscored = source.why_unscored(contract.table)
    temporary = tempfile.TemporaryDirectory(prefix='unet_seg_demo_')
    with _interruptible(), own_domain() as domain, temporary as folder:
        session = Session(source, args.seconds, model, Path(folder), is_scored=not unscored)
        print(source)
        print(f'source, node and observer start in ROS domain {domain}', flush=True)
        traces = session.run(domain, _show_progress)
        print('\nmaking the pictures', flush=True)
        result = figures(traces, source.topics.camera, contract, unscored)
        files = write_report(args.output, source, traces, result, contract)
    print(f'\n{table([str(source)], result.rows())}\n')
    for file in files:
        print(file)
    return 0


def _source(args: argparse.Namespace) -> Source:
    if args.input is not None:
        return Recording(args.input.resolve(), args.topic, args.carla_tags)
    from unet_seg_ros.scenes import HELD_OUT_LAYOUTS

    layouts = tuple(args.layouts or HELD_OUT_LAYOUTS)
    return RenderedDrive(layouts, args.seed, args.size, set(layouts) <= set(HELD_OUT_LAYOUTS))


def _show_progress(num_sent: int) -> None:
    if sys.stdout.isatty():
        print(f'\r{num_sent} frames sent', end='', flush=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the signals that ask a process to end do what Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    previous = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)
