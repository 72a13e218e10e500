"""What lies in the engine cache, and what of it is of no use any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.entry import KERNELS, keys_in, read_engine
from unet_seg_ros.inference.tensorrt.lock import locked
from unet_seg_ros.inference.tensorrt.manifest import Manifest
from unet_seg_ros.inference.tensorrt.storage import remove_parts, require_trusted


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What lies under one key.

    Attributes
    ----------
    key : str
        The name of its files.
    num_bytes : int
        What they take together [B].
    manifest : Manifest or None
        None if the engine cannot be used.
    problem : str
        Why it cannot be used, in one line; else empty.

    """

    key: str
    num_bytes: int
    manifest: Manifest | None
    problem: str


def entries(folder: Path) -> list[Entry]:
    """
    Return what lies in a folder; each engine is read and compared with its manifest.

    Raises
    ------
    EngineError
        If it is no folder, or others could have written to it.

    """
    if folder.exists():
        if not folder.is_dir():
            raise EngineError(f'engine cache {folder}: is no folder: name another')
        require_trusted(folder.stat(), folder)
    return [_entry(folder, key) for key in keys_in(folder)]


def prune(folder: Path, installed: Mapping[str, str]) -> list[str]:
    """
    Remove what cannot be used here: damaged or half written, or for another TensorRT.

    Parameters
    ----------
    folder : Path
        The cache.
    installed : mapping
        The version of each flavour that is installed; where it is empty, it cannot be told, and
        the flavour's engines are kept.

    Returns
    -------
    list of str
        What was removed and why, a line each.

    Raises
    ------
    EngineError
        If another process builds in the folder, or others could have written to it.
    OSError
        If the folder cannot be written.

    """
    if not folder.exists():
        return []
    removed = []
    with locked(folder):
        for entry in entries(folder):
            if reason := entry.problem or _mismatch(entry, installed):
                _remove(folder, entry.key)
                removed.append(f'{entry.key}: {reason}')
        removed += [f'{part.name}: half written' for part in remove_parts(folder)]
        keys = keys_in(folder)
        for path in sorted(folder.glob(f'*{KERNELS}')):
            if path.name.partition('-')[0] not in keys:
                path.unlink()
                removed.append(f'{path.name}: its engine is gone')
    return removed


def remove(folder: Path, keys: Sequence[str]) -> None:
    """
    Remove engines.

    Raises
    ------
    EngineError
        If one of the keys is not there, or another process builds in the folder.
    OSError
        If the folder cannot be written.

    """
    unknown = [key for key in keys if key not in keys_in(folder)]
    if unknown:
        raise EngineError(f'engine cache {folder}: holds no engine {", ".join(unknown)}')
    with locked(folder):
        for key in keys:
            _remove(folder, key)


def _entry(folder: Path, key: str) -> Entry:
    manifest, problem = None, ''
    try:
        manifest = read_engine(folder, key).manifest
    except FileNotFoundError as e:
        problem = f'{Path(e.filename).name} is missing'
    except EngineError as e:
        problem = str(e)
    num_bytes = sum(p.lstat().st_size for p in _files(folder, key))
    return Entry(key, num_bytes, manifest, problem)


def _mismatch(entry: Entry, installed: Mapping[str, str]) -> str:
    assert entry.manifest is not None
    fields = entry.manifest.dependencies.fields
    flavour, version = fields['flavour'], fields['version']
    here = installed.get(flavour)
    return '' if here in (version, '') else f'for {flavour} {version}, here is {here or "none"}'


def _files(folder: Path, key: str) -> list[Path]:
    # Sorted, so that the engine goes first: a manifest alone is not taken for one.
    return sorted([*folder.glob(f'{key}.*'), *folder.glob(f'{key}-*')])


def _remove(folder: Path, key: str) -> None:
    for path in _files(folder, key):
        path.unlink(missing_ok=True)
