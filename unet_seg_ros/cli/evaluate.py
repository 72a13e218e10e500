"""``unet-seg evaluate``: score a model file on labelled frames, as the vehicle would run it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from unet_seg_ros.cli.options import tag_table
from unet_seg_ros.cli.output_file import write_whole
from unet_seg_ros.cli.reading import add_reading_arguments, read_options
from unet_seg_ros.core.backend import PRECISION_CHOICES, Backend, EngineOptions
from unet_seg_ros.core.class_sets import LabelMap, class_set_of
from unet_seg_ros.core.classes import TAG_TABLES
from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.core.errors import ConfigurationError, ModelError
from unet_seg_ros.core.metrics import ConfusionMatrix, without_nan
from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file
from unet_seg_ros.core.scoring import score
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.inference import BACKENDS
from unet_seg_ros.recordings.recording import SourceRecording, open_recording, stated_tags
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, PinholeCamera, still
from unet_seg_ros.serving.opening import open_engine

#: Rendered scenes are scored at the size of the demo's camera.
SCENE_SIZE = ImageSize(720, 1280)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--model', type=Path, help='model file; the shipped one if left out')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        '--data', type=Path, help='labelled folder, such as rgb/ with label/, or rosbag2'
    )
    source.add_argument(
        '--scenes', type=int, metavar='N', help='N rendered scenes of layouts never trained on'
    )
    parser.add_argument(
        '--tags',
        type=tag_table,
        metavar='TABLE',
        help=f"tag table of the folder's labels ({', '.join(map(str, TAG_TABLES))}); the one "
        "that the folder states, or that of the model's recordings, if left out",
    )
    parser.add_argument(
        '--only',
        nargs='+',
        action='extend',
        default=[],
        metavar='TAG',
        help='the only tags that the labels keep: any other pixel is of tag 0 and may be anything '
        'else',
    )
    parser.add_argument(
        '--sequences',
        nargs='+',
        action='extend',
        default=[],
        metavar='PATTERN',
        help="the only drives that are scored, as a recipe's sequences; all if left out",
    )
    add_reading_arguments(parser)
    parser.add_argument('--backend', default='auto', choices=('auto', *BACKENDS))
    parser.add_argument('--precision', default='auto', choices=PRECISION_CHOICES)
    parser.add_argument('--each', action='store_true', help='print a row for each frame too')
    parser.add_argument('--json', type=Path, metavar='F', help='write the figures there as well')


@dataclass(frozen=True)
class Truth:
    """
    What a model is compared with.

    Attributes
    ----------
    labels : LabelMap
        What the tags mean in the model's classes.
    names : sequence of str
        A name for each frame.
    frames : iterable of (image, tags)
        uint8 [H, W, 3] in BGR order and uint8 [H, W].
    source : str
        What it is, for people.

    """

    labels: LabelMap
    names: Sequence[str]
    frames: Iterable[tuple[ByteArray, ByteArray]]
    source: str


def run(args: argparse.Namespace) -> int:
    """Print the table; return 0."""
    model = args.model or shared_file('models', DEFAULT_MODEL)
    with open_engine(model, args.backend, EngineOptions(precision=args.precision)) as engine:
        truth = _truth(args, engine.backend.contract)
        result = _evaluate(engine.backend, truth)
    result['source'] = truth.source
    _print_table(result)
    if args.each:
        _print_each(result)
    if args.json is not None:
        write_whole(args.json, '--json', (json.dumps(result, indent=1) + '\n').encode())
    return 0


def _truth(args: argparse.Namespace, contract: ModelContract) -> Truth:
    try:
        classes = class_set_of(contract.table)
    except ConfigurationError as e:
        raise ModelError(f'model {contract.name}: {e}') from e
    if args.data is None:
        if args.scenes < 1:
            raise ConfigurationError(f'--scenes {args.scenes}: give at least 1')
        names = [f'scene {seed}' for seed in range(args.scenes)]
        return Truth(
            classes.labels(29),
            names,
            _scenes(args.scenes),
            f'{args.scenes} rendered held-out scenes',
        )
    tags = args.tags or stated_tags(args.data) or contract.carla_tags
    recording = open_recording(args.data, TAG_TABLES[tags], args.form, read_options(args))
    indices = _indices(recording, args.sequences or ['*'])
    return Truth(
        classes.labels(tags, args.only),
        [recording.names[i] for i in indices],
        _frames(recording, indices),
        f'{args.data}, tags {tags}',
    )


def _indices(recording: SourceRecording, patterns: Sequence[str]) -> list[int]:
    indices = [
        i
        for i, sequence in enumerate(recording.sequences)
        if any(fnmatch(sequence, pattern) for pattern in patterns)
    ]
    if not indices:
        raise ConfigurationError(
            f'--sequences {" ".join(patterns)}: {recording.path} has '
            f'{", ".join(dict.fromkeys(recording.sequences))}'
        )
    return indices


def _frames(
    recording: SourceRecording, indices: Sequence[int]
) -> Iterator[tuple[ByteArray, ByteArray]]:
    with recording.kept_open():
        for index in indices:
            yield recording[index]


def _scenes(num: int) -> Iterator[tuple[ByteArray, ByteArray]]:
    camera = PinholeCamera(SCENE_SIZE)
    for seed in range(num):
        frame = still(HELD_OUT_LAYOUTS[seed % len(HELD_OUT_LAYOUTS)], seed, camera)
        yield frame.image, frame.tags


def _evaluate(backend: Backend, truth: Truth) -> dict[str, Any]:
    total = ConfusionMatrix(backend.contract.table)
    each = {}
    for name, frame in zip(truth.names, truth.frames, strict=True):
        matrix = score(backend, truth.labels, [frame])
        total.counts += matrix.counts
        each[name] = _scores(matrix, backend.contract)
    return without_nan(
        {
            'model': backend.contract.name,
            'backend': backend.name,
            'precision': backend.precision,
            'input_size': str(backend.contract.input_size),
            'frames': len(each),
            **_scores(total, backend.contract),
            'pixel_accuracy': total.accuracy(),
            'each': each,
        }
    )


def _scores(matrix: ConfusionMatrix, contract: ModelContract) -> dict[str, Any]:
    return {
        'iou': matrix.iou(),
        'drivable_iou': matrix.group_iou(contract.drivable),
        'mean_iou': matrix.mean_iou(),
    }


def _print_table(result: dict[str, Any]) -> None:
    print(
        f'{result["model"]} on {result["source"]}: {result["frames"]} frames, '
        f'{result["backend"]} {result["precision"]}, input {result["input_size"]}'
    )
    rows = {f'IoU {name}': value for name, value in result['iou'].items()}
    rows |= {
        'IoU drivable': result['drivable_iou'],
        'mean IoU': result['mean_iou'],
        'pixel accuracy': result['pixel_accuracy'],
    }
    for name, value in rows.items():
        print(f'  {name:<16} {"none in the data" if value is None else f"{value:.4f}"}')


def _print_each(result: dict[str, Any]) -> None:
    names = [*result['iou'], 'drivable']
    print('  '.join(f'{name:>9}' for name in names) + '  frame')
    for frame, scores in result['each'].items():
        values = [*scores['iou'].values(), scores['drivable_iou']]
        cells = ['none' if v is None else f'{v:.4f}' for v in values]
        rows = (f'{cell:>{max(9, len(name))}}' for cell, name in zip(cells, names, strict=True))
        print('  '.join(rows) + f'  {frame}')
