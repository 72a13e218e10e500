"""``unet-seg export``: write a checkpoint's network as a model file."""

from __future__ import annotations

import argparse
from pathlib import Path

from unet_seg_ros.cli.train import add_data_arguments, require_training


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--checkpoint', type=Path, required=True, help='best.ckpt or last.ckpt')
    parser.add_argument('--output', type=Path, required=True, help='the model file, .onnx')
    parser.add_argument('--name', default='', help="the model's name; default: the recipe's")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Export, check against torch, score; return 0."""
    require_training()
    from unet_seg_ros.training.checkpoint import load_checkpoint
    from unet_seg_ros.training.export import export
    from unet_seg_ros.training.frames import load_source
    from unet_seg_ros.training.report import LoadingBar

    trained = load_checkpoint(args.checkpoint)
    with LoadingBar() as bar:
        validation = {
            source.name: load_source(source, args.data_root, args.cache, bar.show)
            for source in trained.recipe.validation
        }
    contract = export(trained, args.output, validation, args.name)
    print(f'{args.output}: {contract.name}, input {contract.input_size}')
    for source, scores in contract.scores.items():
        print(f'  {source}: ' + '  '.join(f'{name} {iou:.4f}' for name, iou in scores.items()))
    return 0
