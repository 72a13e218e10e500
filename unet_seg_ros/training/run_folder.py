"""What a run folder tells of how its training came about."""

from __future__ import annotations

import io
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
from lightning.pytorch.plugins.io import TorchCheckpointIO
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
        if e.filename and not Path(str(e.filename)).is_relative_to(folder):
            raise
        raise ConfigurationError(
            f'run folder {folder}: cannot be written ({one_line(e)}); free some space or choose '
            'another --output, then go on with --resume'
        ) from e


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears under its name when it is complete, and not before."""
    part = path.with_name(f'.{path.name}.part')
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_tensors(path: Path, content: object) -> None:
    """Write what ``torch.load`` reads, as `write_whole` does."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getvalue())


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints beside their final name: Lightning's own way is by the system's /tmp."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write one; the former stands until the new one is complete."""
        del storage_options
        write_tensors(Path(path), checkpoint)


@rank_zero_only
def write_provenance(recipe: Recipe, folder: Path) -> None:
    """Write ``recipe.yaml``, and add what this training runs on to ``environment.json``."""
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
    write_whole(folder / 'recipe.yaml', text.encode())
    path = folder / 'environment.json'
    runs = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else []
    write_whole(path, f'{json.dumps([*runs, environment()], indent=1)}\n'.encode())


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
