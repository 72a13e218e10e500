"""The flavours of TensorRT that an engine can be built for, and how each is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from unet_seg_ros.core.errors import EngineError, one_line


@dataclass(frozen=True, slots=True)
class Flavour:
    """
    A TensorRT that may be installed; nothing of it is imported until `load`.

    Attributes
    ----------
    name : str
        Its name, and that of the backend which runs its engines.
    modules : tuple of str
        Modules that offer it, the preferred one first.
    remedy : str
        How to come by it, in one clause.
    is_portable : bool
        Whether an engine can be built without the GPU that is to run it.

    """

    name: str
    modules: tuple[str, ...]
    remedy: str
    is_portable: bool = False

    def is_installed(self) -> bool:
        """Return whether one of its modules is there."""
        return self._spec() is not None

    def load(self) -> ModuleType:
        """
        Import it.

        Raises
        ------
        EngineError
            If it is not installed, or a library that it needs is missing.

        """
        spec = self._spec()
        if spec is None:
            raise EngineError(f'{self.name} is not installed: {self.remedy}')
        try:
            return import_module(spec.name)
        except (ImportError, OSError) as e:
            raise EngineError(
                f'{self.name}: the module {spec.name} cannot be imported ({one_line(e)}): '
                f'{self.remedy}'
            ) from e

    def files(self) -> list[Path]:
        """Return the files of its module's folder; they change with its version."""
        spec = self._spec()
        folders = (spec.submodule_search_locations or []) if spec else []
        return sorted(p for folder in folders for p in Path(folder).iterdir() if p.is_file())

    def _spec(self) -> ModuleSpec | None:
        # A folder without __init__.py that happens to be called so has no origin.
        specs = (find_spec(name) for name in self.modules)
        return next((spec for spec in specs if spec and spec.origin), None)


#: By name, in the order in which they are preferred.
FLAVOURS: Mapping[str, Flavour] = {
    flavour.name: flavour
    for flavour in (
        Flavour(
            'tensorrt',
            ('tensorrt',),
            'on a Jetson it comes with JetPack, elsewhere pip install tensorrt',
        ),
        Flavour(
            'tensorrt_rtx',
            ('tensorrt_rtx', 'tensorrt_rtx_bindings'),
            "pip install 'unet_seg_ros[tensorrt-rtx]' (x86-64 only)",
            is_portable=True,
        ),
    )
}


def choose_flavour(name: str | None = None) -> Flavour:
    """
    Return the flavour of that name, or the first that is installed.

    Raises
    ------
    EngineError
        If it, or any of them, is not installed.

    """
    wanted = FLAVOURS.values() if name is None else [FLAVOURS[name]]
    for flavour in wanted:
        if flavour.is_installed():
            return flavour
    remedies = '; '.join(f'{f.name}: {f.remedy}' for f in wanted)
    raise EngineError(f'no TensorRT is installed ({remedies})')
