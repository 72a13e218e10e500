"""``unet-seg inspect``: what a recording holds, and what of it cannot be used."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unet_seg_ros.cli.options import tag_table
from unet_seg_ros.cli.output_file import write_whole
from unet_seg_ros.cli.reading import add_reading_arguments, read_options
from unet_seg_ros.core.classes import CARLA_TAGS, TAG_TABLES
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.recordings.montage import montage
from unet_seg_ros.recordings.recording import SourceRecording, open_recording, stated_tags
from unet_seg_ros.recordings.survey import Survey, Tally, survey

# Lines of one kind that are printed before the rest is only counted.
_MAX_LINES = 10

_MONTAGE_FRAMES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('path', type=Path, help='a folder of images and labels, or a rosbag2')
    parser.add_argument(
        '--tags',
        type=tag_table,
        metavar='TABLE',
        help=f'tag table of the labels ({", ".join(map(str, TAG_TABLES))}); if left out the one '
        "that the folder states, or a guess among CARLA's",
    )
    add_reading_arguments(parser)
    parser.add_argument('--json', type=Path, metavar='F', help='write the figures there as well')
    parser.add_argument(
        '--montage', type=Path, metavar='PNG', help='write a picture of some frames there'
    )


def run(args: argparse.Namespace) -> int:
    """Print what was found; return 0, or 1 if some frames cannot be used."""
    options = dataclasses.replace(read_options(args), skip_unpaired=True)
    tags = stated_tags(args.path) if args.tags is None else args.tags
    tables = CARLA_TAGS if tags is None else {tags: TAG_TABLES[tags]}
    recording = open_recording(args.path, next(iter(tables.values())), args.form, options)
    found = survey(recording, tables, _progress)
    chosen = found.guess
    tally = found.tallies[chosen]
    failures = [*_unlabelled(recording), *tally.failures.values()]
    _print(recording, found, chosen, failures)
    if args.json is not None:
        report = _report(recording, found, chosen, failures)
        write_whole(args.json, '--json', (json.dumps(report, indent=1) + '\n').encode())
    if args.montage is not None:
        picture = montage(_samples(recording, tally), tally.tags)
        write_whole(args.montage, '--montage', cv2.imencode('.png', picture)[1].tobytes())
    return 1 if failures else 0


def _progress(what: str, done: int, num: int) -> None:
    if sys.stderr.isatty():
        end = '\r' if done + 1 < num else '\r\033[K'
        sys.stderr.write(f'{what}: {done + 1} of {num}{end}')


def _unlabelled(recording: SourceRecording) -> Iterator[str]:
    # Bags drop messages; a folder that lacks a label was damaged.
    if recording.kind == 'folder':
        for name in recording.unpaired_images:
            yield f'{recording.path / name}: no label image'


def _report(
    recording: SourceRecording, found: Survey, chosen: int | str, failures: Sequence[str]
) -> dict[str, Any]:
    tally = found.tallies[chosen]
    return {
        'path': str(recording.path),
        'kind': recording.kind,
        'topics': dict(recording.topics),
        'frames': found.num_frames,
        'sizes': {str(size): count for size, count in found.sizes.most_common()},
        'label_forms': dict(found.forms.most_common()),
        'tags': chosen,
        'fitting_tags': found.fitting,
        'class_shares': tally.shares,
        'ignored_share': tally.unknown_share,
        'sequences': dict(Counter(recording.sequences)),
        'unpaired_images': len(recording.unpaired_images),
        'unpaired_labels': len(recording.unpaired_labels),
        'failures': list(failures),
    }


def _print(
    recording: SourceRecording, found: Survey, chosen: int | str, failures: Sequence[str]
) -> None:
    tally = found.tallies[chosen]
    sequences = Counter(recording.sequences)
    print(f'{recording.path}: {recording.kind}, {found.num_frames} frames')
    for what, topic in recording.topics.items():
        print(f'  {what}: {topic}')
    print(f'  sizes: {_counts(found.sizes)}')
    print(f'  label form: {_counts(found.forms)}')
    print(f'  tag table: {_choice(found, chosen)}')
    for name, share in tally.shares.items():
        print(f'    {name:<16} {share:8.3%}')
    if tally.unknown_share:
        print(f'    {"(ignored)":<16} {tally.unknown_share:8.3%}')
    lines = [f'{count} from {first}' for first, count in sequences.items()]
    _print_some(f'sequences: {len(lines)}', lines)
    _print_some(f'images without labels: {len(recording.unpaired_images)}', ())
    _print_some(f'labels without image: {len(recording.unpaired_labels)}', ())
    _print_some(f'cannot be used: {len(failures)}', failures)


def _print_some(title: str, lines: Sequence[str]) -> None:
    print(f'  {title}')
    for line in lines[:_MAX_LINES]:
        print(f'    {line}')
    if len(lines) > _MAX_LINES:
        print(f'    and {len(lines) - _MAX_LINES} more')


def _counts(counter: Counter[Any]) -> str:
    return ', '.join(f'{value} ({count})' for value, count in counter.most_common()) or 'none'


def _choice(found: Survey, chosen: int | str) -> str:
    if len(found.tallies) == 1:
        return f'{chosen}, as asked for'
    fitting = found.fitting
    if not fitting:
        return f'none of {_listed(found.tallies)} fits all frames; {chosen} fits the most'
    if len(fitting) == 1:
        return f'{chosen}, the only one that fits'
    road = ', '.join(f'{found.tallies[n].road_share:.1%} with {n}' for n in fitting)
    return (
        f'{chosen}, a guess: {_listed(fitting)} all fit; road would be {road}; '
        'give --tags if you know'
    )


def _listed(tables: Any) -> str:
    return ', '.join(map(str, tables))


def _samples(recording: SourceRecording, tally: Tally) -> list[tuple[ByteArray, ByteArray]]:
    usable = [i for i in range(len(recording)) if i not in tally.failures]
    if not usable:
        raise ConfigurationError('--montage: no frame can be used')
    picks = np.linspace(0, len(usable) - 1, min(len(usable), _MONTAGE_FRAMES)).round().astype(int)
    frames = []
    for pick in picks:
        image, label = recording.read(usable[pick])
        frames.append((image, recording.decode(usable[pick], image, label, tally.tags)))
    return frames
