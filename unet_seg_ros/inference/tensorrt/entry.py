"""One engine in the cache: its files, and whether they may be loaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.manifest import KEY_DIGITS, Manifest
from unet_seg_ros.inference.tensorrt.probe import Gpu
from unet_seg_ros.inference.tensorrt.storage import read_trusted

ENGINE, MANIFEST, KERNELS = '.engine', '.json', '.kernels'

_KEY_PATTERN = '[0-9a-f]' * KEY_DIGITS


class DamagedEngineError(EngineError):
    """An engine whose files do not belong together, or are not whole; building it anew helps."""


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """
    An engine that may be loaded.

    Attributes
    ----------
    path : Path
        Its file.
    manifest : Manifest
        What stands beside it.
    plan : bytes
        The very bytes whose digest was compared with the manifest's.
    was_built : bool
        Whether it was built just now.

    """

    path: Path
    manifest: Manifest
    plan: bytes
    was_built: bool = False


def keys_in(folder: Path) -> list[str]:
    """Return the keys under which a folder holds an engine or a manifest."""
    return sorted({p.stem for s in (ENGINE, MANIFEST) for p in folder.glob(f'{_KEY_PATTERN}{s}')})


def read_manifest(folder: Path, key: str) -> Manifest:
    """
    Read the manifest of a key.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    DamagedEngineError
        If it cannot be read, or is that of another key.
    EngineError
        If others could have written it.

    """
    text = read_trusted(folder / f'{key}{MANIFEST}')
    try:
        manifest = Manifest.from_json(text)
    except ValueError as e:
        raise DamagedEngineError(f'engine {key} is damaged: {e}') from e
    if manifest.dependencies.key != key:
        raise DamagedEngineError(f'engine {key} is damaged: its manifest is that of another')
    return manifest


def read_engine(folder: Path, key: str) -> CachedEngine:
    """
    Read the engine of a key and compare it with its manifest.

    Raises
    ------
    FileNotFoundError
        If it or its manifest is not there.
    DamagedEngineError
        If they do not belong together, or are not whole.
    EngineError
        If others could have written them.

    """
    manifest = read_manifest(folder, key)
    path = folder / f'{key}{ENGINE}'
    plan = read_trusted(path)
    if hashlib.sha256(plan).hexdigest() != manifest.engine_sha256:
        raise DamagedEngineError(
            f'engine {key} is damaged: its bytes are not those that were built'
        )
    return CachedEngine(path, manifest, plan)


def runtime_cache_path(engine: CachedEngine, gpu: Gpu) -> Path:
    """
    Return where the kernels that TensorRT-RTX compiles for a GPU are kept.

    They lie beside the engine, under a name for engine, GPU and driver; `runtime_cache` reads and
    writes them.
    """
    facts = (engine.manifest.engine_sha256, gpu.name, gpu.compute_capability, gpu.cuda, gpu.driver)
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return engine.path.with_name(f'{engine.path.stem}-{digest}{KERNELS}')
