"""``unet-seg export``: write a checkpoint's network as a model file."""

from __future__ import annotations

import argparse
from pathlib import Path

from unet_seg_ros.cli.options import add_data_arguments
from unet_seg_ros.cli.requirements import require_training
from unet_seg_ros.core.contract import PRECISIONS

#: As a precision: a file of each.
ALL = 'all'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--checkpoint', type=Path, required=True, help='best.ckpt or last.ckpt')
    parser.add_argument('--output', type=Path, required=True, help='the model file, .onnx')
    parser.add_argument(
        '--precision',
        choices=(*PRECISIONS, ALL),
        default='fp32',
        help='of the file; all: three files, _fp16 and _int8 added to the names of two',
    )
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
    classes = trained.recipe.class_set
    with LoadingBar() as bar:
        validation = {
            source.name: load_source(source, classes, args.data_root, args.cache, bar.show)
            for source in trained.recipe.validation
        }
        outputs = _outputs(args.output, args.precision)
        written = export(trained, outputs, validation, args.name, bar.show)
    for precision, contract in written.items():
        print(f'{outputs[precision]}: {contract.name}, input {contract.input_size}, {precision}')
        for source, scores in contract.scores.items():
            agreement = contract.check[source]['agreement']
            told = '  '.join(f'{name} {iou:.4f}' for name, iou in scores.items())
            print(f'  {source}: {told}  as torch says {agreement:.5f}')
    return 0


def _outputs(output: Path, precision: str) -> dict[str, Path]:
    """Return the file to write for each precision."""
    if precision != ALL:
        return {precision: output}
    return {
        p: output if p == 'fp32' else output.with_name(f'{output.stem}_{p}{output.suffix}')
        for p in PRECISIONS
    }
