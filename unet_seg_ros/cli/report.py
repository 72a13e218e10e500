"""``unet-seg report``: what a trained network gets right and wrong, as one page."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from unet_seg_ros.cli.train import add_data_arguments, require_training
from unet_seg_ros.core.errors import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('run_folder', type=Path, metavar='RUN', help='the --output of a training')
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Assess the best checkpoint on its validation frames and write the page; return 0."""
    require_training()
    if find_spec('matplotlib') is None:
        raise ConfigurationError(
            "matplotlib is not installed: pip install 'unet_seg_ros[training]'"
        )
    from unet_seg_ros.training.assessment import Candidate, logits_of_network
    from unet_seg_ros.training.checkpoint import BEST, load_checkpoint
    from unet_seg_ros.training.frames import load_source
    from unet_seg_ros.training.report import LoadingBar
    from unet_seg_ros.training.results import about_run, report_run

    trained = load_checkpoint(args.run_folder / BEST)
    recipe = trained.recipe
    candidate = Candidate(logits_of_network(trained.network), recipe.input, recipe.class_set)
    with LoadingBar() as bar:
        sources = [
            load_source(source, recipe.class_set, args.data_root, args.cache, bar.show)
            for source in recipe.validation
        ]
        about = about_run(args.run_folder, trained)
        page = report_run(args.run_folder, candidate, sources, about, bar.show)
    print(page)
    return 0
