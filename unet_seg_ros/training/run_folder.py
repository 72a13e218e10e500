"""What a run folder tells of how its training came about."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.utilities import rank_zero_only

from unet_seg_ros import __version__
from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.training.recipe import Recipe


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """
    Turn a failure to write into one line; what stood in the folder before still stands.

    Raises
    ------
    ConfigurationError
        If the disk is full or the folder cannot be written.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as e:
        raise ConfigurationError(
            f'run folder {folder}: cannot be written ({one_line(e)}); free some space or choose '
            'another --output, then go on with --resume'
        ) from e


@rank_zero_only
def write_provenance(recipe: Recipe, folder: Path) -> None:
    """Write ``recipe.yaml`` and ``environment.json``."""
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
    (folder / 'recipe.yaml').write_text(text, encoding='utf-8')
    told = json.dumps(environment(), indent=1)
    (folder / 'environment.json').write_text(f'{told}\n', encoding='utf-8')


def environment() -> dict[str, Any]:
    """Return what a training runs on: versions, devices, command, revision of the sources."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        'started': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'command': ' '.join(sys.argv),
        'unet_seg_ros': __version__,
        'revision': _revision(),
        'python': platform.python_version(),
        'torch': torch.__version__,
        'lightning': lightning.__version__,
        'numpy': version('numpy'),
        'machine': platform.machine(),
        'threads': torch.get_num_threads(),
        'gpus': gpus,
        'cuda': torch.version.cuda,
    }


def _revision() -> str:
    """Return the git revision of the package's sources, '' where they are not in a checkout."""
    command = ['git', 'describe', '--always', '--dirty', '--abbrev=40']
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ''
    return result.stdout.strip()
