"""The engine cache: room for more engines, and whether those in it can be used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.finding import Finding, fail, ok, warn
from unet_seg_ros.inference.tensorrt.cache import EngineCache

_SUBJECT = 'engine cache'

# A new engine is written while the old ones are still there.
_ENOUGH_BYTES = 500_000_000


def check_space(folder: Path, free_bytes: int) -> Finding:
    """Tell whether the disk has room for engines."""
    told = f'{folder}: {free_bytes / 1e9:.1f} GB free'
    if free_bytes >= _ENOUGH_BYTES:
        return ok(_SUBJECT, told)
    return warn(_SUBJECT, told, 'make room, or set engine_cache to a folder on another disk')


def check_cache(folder: Path | None) -> Iterator[Finding]:
    """
    Look at a folder of engines.

    Parameters
    ----------
    folder : Path or None
        The parameter ``engine_cache``; None for the user's own.

    """
    cache = EngineCache(folder)
    # A link to nowhere is there too.
    there = next(p for p in (cache.folder, *cache.folder.parents) if os.path.lexists(p))
    try:
        if not there.is_dir():
            yield fail(_SUBJECT, f'{there}: is no folder', 'remove it, or set engine_cache')
            return
        yield check_space(cache.folder, shutil.disk_usage(there).free)
        if not os.access(there, os.W_OK | os.X_OK):
            yield warn(
                _SUBJECT,
                f'{there}: cannot be written by this user',
                'build engines there beforehand with `unet-seg build-engine --cache '
                f'{cache.folder}`, or set engine_cache',
            )
            if not os.access(there, os.R_OK | os.X_OK):
                return
        yield from _check_entries(cache)
    except EngineError as e:
        yield fail(_SUBJECT, str(e))
    except OSError as e:
        yield fail(
            _SUBJECT, f'{e.filename}: cannot be read: {e.strerror}', 'set engine_cache to another'
        )


def _check_entries(cache: EngineCache) -> Iterator[Finding]:
    entries = cache.entries()
    useless = [e for e in entries if e.problem]
    remedy = f'`unet-seg engines --cache {cache.folder} --prune`'
    for entry in useless:
        yield warn(_SUBJECT, f'{entry.key}: {entry.problem}', remedy)
    yield ok(_SUBJECT, f'holds {len(entries) - len(useless)} engines')
