"""``unet-seg train``: train a model from a recipe."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path

from unet_seg_ros.cli.options import positive_number, whole_number
from unet_seg_ros.core.errors import ConfigurationError

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
        default=(),
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


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where frames come from."""
    parser.add_argument(
        '--data-root', type=Path, default=Path(), help="where the recipe's folders start"
    )
    parser.add_argument(
        '--cache', type=Path, default=_default_cache(), help='where rendered scenes are kept'
    )


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
    print(f'best checkpoint: {args.output / BEST}')
    return 0


def require_training() -> None:
    """
    Check that the trainer's libraries are installed.

    Raises
    ------
    ConfigurationError
        If one is missing; the message tells how to install them.

    """
    for library in ('torch', 'lightning'):
        if find_spec(library) is None:
            raise ConfigurationError(
                f"{library} is not installed: pip install 'unet_seg_ros[training]'"
            )


def _default_cache() -> Path:
    home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(home).expanduser() / 'unet_seg_ros'
