"""The engine cache: room for more engines, and whether those in it can be used."""

from __future__ import annotations

import os
import shutil
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


def check_cache(folder: Path | None) -> list[Finding]:
    """
    Look at a folder of engines.

    Parameters
    ----------
    folder : Path or None
        The parameter ``engine_cache``; None for the user's own.

    """
    cache = EngineCache(folder)
    there = next(p for p in (cache.folder, *cache.folder.parents) if p.exists())
    findings = [check_space(cache.folder, shutil.disk_usage(there).free)]
    if not os.access(there, os.W_OK):
        findings.append(
            warn(
                _SUBJECT,
                f'{there}: cannot be written by this user',
                'build engines there beforehand with `unet-seg build-engine`, or set engine_cache',
            )
        )
    try:
        entries = cache.entries()
    except EngineError as e:
        return [*findings, fail(_SUBJECT, str(e))]
    useless = [e for e in entries if e.problem]
    findings += [
        warn(_SUBJECT, f'{e.key}: {e.problem}', '`unet-seg engines --prune`') for e in useless
    ]
    return [*findings, ok(_SUBJECT, f'holds {len(entries) - len(useless)} engines')]
