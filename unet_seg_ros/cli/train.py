"""``unet-seg train``: train a model from a recipe."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from unet_seg_ros.cli.options import add_data_arguments, positive_number, whole_number
from unet_seg_ros.cli.report import write_report
from unet_seg_ros.cli.requirements import require_training

#: Exit status of a process that Ctrl-C ended, 128 + SIGINT.
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--recipe', type=Path, required=True, help='what to train on and how, YAML'
    )
    parser.add_argument(
        '--set',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help="values instead of the recipe's, such as passes=3 network.base_channels=32",
    )
    parser.add_argument(
        '--output', type=Path, required=True, help='run folder: checkpoints, metrics.csv, recipe'
    )
    parser.add_argument(
        '--max-minutes', type=positive_number, help='end the training within this time [min]'
    )
    parser.add_argument('--resume', action='store_true', help="go on from the folder's last.ckpt")
    parser.add_argument(
        '--workers',
        type=whole_number,
        default=0,
        help='processes that make samples beside the training; worth it on a GPU',
    )
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train; return 0, or 130 where the user interrupted."""
    require_training()
    from unet_seg_ros.training.checkpoint import BEST, LAST
    from unet_seg_ros.training.recipe_file import read_recipe
    from unet_seg_ros.training.report import LoadingBar, terminal_report
    from unet_seg_ros.training.session import RunOptions, train

    options = RunOptions(
        data_root=args.data_root,
        output=args.output,
        cache=args.cache,
        max_minutes=args.max_minutes,
        resume=args.resume,
        num_workers=args.workers,
    )
    try:
        with LoadingBar() as bar:
            train(read_recipe(args.recipe, args.set), options, bar.show, terminal_report())
    except KeyboardInterrupt:
        last = args.output / LAST
        kept = f'; kept {last}, --resume goes on' if last.is_file() else ''
        print(f'\ninterrupted{kept}')
        return INTERRUPTED
    # Under torchrun one process tells for all.
    if int(os.environ.get('RANK', 0)) == 0:
        print(f'report: {write_report(args.output, args.data_root, args.cache)}')
        print(f'best checkpoint: {args.output / BEST}')
    return 0
