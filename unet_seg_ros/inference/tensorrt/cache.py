"""
Engines are built once: the folder in which they lie, each beside its manifest.

``KEY.engine`` is what TensorRT loads, ``KEY.json`` its manifest, and ``KEY-*.kernels`` what
TensorRT-RTX compiled from it for one GPU. The key is a digest of all that the engine depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.resources import user_cache
from unet_seg_ros.inference.tensorrt import inventory
from unet_seg_ros.inference.tensorrt.build import BuildRequest, build
from unet_seg_ros.inference.tensorrt.entry import (
    ENGINE,
    MANIFEST,
    CachedEngine,
    DamagedEngineError,
    keys_in,
    read_engine,
    read_manifest,
)
from unet_seg_ros.inference.tensorrt.inventory import Entry
from unet_seg_ros.inference.tensorrt.lock import locked
from unet_seg_ros.inference.tensorrt.manifest import Dependencies, Manifest, dependencies_of
from unet_seg_ros.inference.tensorrt.storage import (
    make_folder,
    new_part,
    publish,
    remove_parts,
    require_trusted,
    write_whole,
)


class EngineCache:
    """
    A folder of built engines.

    Parameters
    ----------
    folder : Path, optional
        Where they lie; None for the user's cache directory. It is made when it is needed.

    Attributes
    ----------
    folder : Path
        The folder.

    """

    def __init__(self, folder: Path | None = None) -> None:
        """Remember the folder."""
        self.folder = folder or user_cache() / 'engines'

    def load_or_build(self, request: BuildRequest, watch: Watch) -> CachedEngine:
        """
        Return the engine that a request asks for; build it if it is not there.

        Parameters
        ----------
        request : BuildRequest
            What engine is wanted.
        watch : Watch
            Hears why one is built, how far it is and what came of it, and may stop it.

        Raises
        ------
        ModelError
            If the model file cannot be read or does not keep the contract.
        EngineError
            If TensorRT refuses the model, the folder or a file in it could have been written by
            others, there is no engine in a folder that cannot be written, or the watch stops it.

        """
        wanted = dependencies_of(request)
        found = self._find(request, wanted)
        if isinstance(found, CachedEngine):
            return found
        try:
            make_folder(self.folder)
            require_trusted(self.folder.stat(), self.folder)
            with locked(self.folder, watch):
                # Another process may have built it in the meantime.
                found = self._find(request, wanted)
                if isinstance(found, CachedEngine):
                    return found
                watch.say(f'{request.model.name}: {found}; building')
                remove_parts(self.folder)
                return self._build(request, wanted, watch)
        except OSError as e:
            raise EngineError(
                f'engine cache {self.folder}: {found}, and none can be written ({e.strerror}): '
                'build it there beforehand with `unet-seg build-engine`, or name another folder'
            ) from e

    def entries(self) -> list[Entry]:
        """Return what lies in the folder; see `inventory.entries`."""
        return inventory.entries(self.folder)

    def prune(self, installed: Mapping[str, str]) -> list[str]:
        """Remove what cannot be used here; see `inventory.prune`."""
        return inventory.prune(self.folder, installed)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove engines; see `inventory.remove`."""
        inventory.remove(self.folder, keys)

    def _find(self, request: BuildRequest, wanted: Dependencies) -> CachedEngine | str:
        """Return the engine, or why there is none."""
        try:
            return read_engine(self.folder, wanted.key)
        except FileNotFoundError:
            differences = [
                wanted.differences(manifest.dependencies)
                for manifest in self._manifests()
                if manifest.model == request.model.name
            ]
            nearest = min(differences, key=len, default=[])
            return f'no engine fits: {", ".join(nearest)}' if nearest else 'no engine of it yet'
        except DamagedEngineError as e:
            return str(e)

    def _manifests(self) -> Iterator[Manifest]:
        for key in keys_in(self.folder):
            with suppress(EngineError, FileNotFoundError):
                yield read_manifest(self.folder, key)

    def _build(self, request: BuildRequest, wanted: Dependencies, watch: Watch) -> CachedEngine:
        path = self.folder / f'{wanted.key}{ENGINE}'
        part = new_part(self.folder)
        try:
            summary = build(request, part, watch)
            if summary.model_sha256 != wanted.fields['model_sha256']:
                raise EngineError(
                    f'model file {request.model}: was changed while its engine was built: '
                    'build it again'
                )
            plan = part.read_bytes()
            publish(part, path)
        finally:
            part.unlink(missing_ok=True)
        manifest = Manifest(
            model=request.model.name,
            built_at=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            engine_sha256=hashlib.sha256(plan).hexdigest(),
            dependencies=wanted,
            summary=summary,
        )
        write_whole(path.with_suffix(MANIFEST), json.dumps(manifest.to_dict(), indent=1).encode())
        watch.say(f'{request.model.name}: {summary}')
        return CachedEngine(path, manifest, plan, was_built=True)
