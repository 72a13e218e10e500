"""``unet-seg engines``: list the TensorRT engines that were built, and remove some."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from unet_seg_ros.cli.build_engine import add_cache_argument
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.inference.tensorrt.inventory import Entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_cache_argument(parser)
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        '--prune',
        action='store_true',
        help='remove what is damaged, half written, or of a TensorRT that is not installed',
    )
    action.add_argument('--remove', nargs='+', default=[], metavar='KEY', help='remove these')
    action.add_argument('--json', action='store_true', help='print all that is known, as JSON')


def run(args: argparse.Namespace) -> int:
    """Remove what is asked for, print what is there; return 0."""
    cache = EngineCache(args.cache)
    if args.remove:
        cache.remove(args.remove)
    if args.prune:
        for line in cache.prune(_installed()):
            print(f'removed {line}')
    entries = cache.entries()
    if args.json:
        print(json.dumps([_to_dict(entry) for entry in entries], indent=1))
    else:
        _print(entries, str(cache.folder))
    return 0


def _installed() -> dict[str, str]:
    """Return the version of each flavour that is installed; empty if it cannot be imported."""
    versions = {}
    for name, flavour in FLAVOURS.items():
        if not flavour.is_installed():
            continue
        try:
            versions[name] = str(flavour.load().__version__)
        except EngineError as e:
            sys.stderr.write(f'its engines are kept: {e}\n')
            versions[name] = ''
    return versions


def _to_dict(entry: Entry) -> dict[str, Any]:
    return {
        'key': entry.key,
        'num_bytes': entry.num_bytes,
        'problem': entry.problem,
        'manifest': entry.manifest and entry.manifest.to_dict(),
    }


def _print(entries: Sequence[Entry], folder: str) -> None:
    total = sum(e.num_bytes for e in entries)
    print(f'{folder}: {len(entries)} engines, {total / 1e6:.1f} MB')
    for entry in entries:
        size = f'{entry.num_bytes / 1e6:8.1f} MB'
        if entry.manifest is None:
            print(f'  {entry.key} {size}  cannot be used: {entry.problem}')
            continue
        fields = entry.manifest.dependencies.fields
        device = fields.get('gpu') or f'compute capability {fields["targets"]}'
        print(
            f'  {entry.key} {size}  {entry.manifest.built_at}  {entry.manifest.model}  '
            f'{entry.manifest.summary.precision}, batch 1 to {fields["max_batch"]}  '
            f'{fields["flavour"]} {fields["version"]}  {device}'
        )
