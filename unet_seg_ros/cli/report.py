"""``unet-seg report``: what a trained network gets right and wrong, as one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from unet_seg_ros.cli.options import add_data_arguments
from unet_seg_ros.cli.requirements import require_training


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('run_folder', type=Path, metavar='RUN', help='the --output of a training')
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Assess the best checkpoint on its validation frames and write the page; return 0."""
    require_training()
    print(f'report: {write_report(args.run_folder, args.data_root, args.cache)}')
    return 0


def write_report(run_folder: Path, data_root: Path, cache: Path) -> Path:
    """
    Assess a run folder's best checkpoint and write what is found beside it; return the page.

    Raises
    ------
    UserError
        If there is no checkpoint, the validation frames cannot be read or the page not written.

    """
    from unet_seg_ros.training.assessment import Candidate, logits_of_network
    from unet_seg_ros.training.checkpoint import BEST, load_checkpoint
    from unet_seg_ros.training.frames import load_source
    from unet_seg_ros.training.report import LoadingBar
    from unet_seg_ros.training.results import about_run, report_run

    trained = load_checkpoint(run_folder / BEST)
    recipe = trained.recipe
    candidate = Candidate(
        logits_of_network(trained.network), recipe.network_input, recipe.class_set
    )
    with LoadingBar() as bar:
        sources = [
            load_source(source, recipe.class_set, data_root, cache, bar.show)
            for source in recipe.validation
        ]
        about = about_run(run_folder, trained)
        return report_run(run_folder, candidate, sources, about, bar.show)
