"""From a model file to an engine that is open, warm and checked, chosen by name or by trial."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from unet_seg_ros.core.backend import Backend, EngineOptions
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.segmenter import Segmenter
from unet_seg_ros.inference import open_backend

if TYPE_CHECKING:
    from typing_extensions import Self

    from unet_seg_ros.serving.known_answer import KnownAnswer

#: The engines on the CPU, the faster one first.
CPU_ENGINES = ('openvino', 'onnxruntime')

#: The engines that ``auto`` tries, in this order. Torch is slower than all others of its device.
AUTO = ('tensorrt', 'tensorrt_rtx', *CPU_ENGINES)


@dataclass(frozen=True)
class OpenEngine:
    """
    An engine that may be trusted with frames; closed at the end of a ``with`` block or by `close`.

    Attributes
    ----------
    segmenter : Segmenter
        Segments frames with it.
    passed_over : tuple of str
        A line for each engine that was tried before and cannot serve.
    known_answer : KnownAnswer or None
        How its answers compare with a CPU engine's; None for an engine that needs no such test.

    """

    segmenter: Segmenter
    passed_over: tuple[str, ...]
    known_answer: KnownAnswer | None
    _resources: ExitStack = field(repr=False)

    @property
    def backend(self) -> Backend:
        """The engine itself."""
        return self.segmenter.backend

    def __str__(self) -> str:
        """Return what it is in one line."""
        backend = self.backend
        return (
            f'{backend.contract.name} on {backend.name} {backend.precision}, '
            f'input {backend.contract.input_size}'
        )

    def __enter__(self) -> Self:
        """Return the engine, which is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release the engine; harmless if that was done."""
        self._resources.close()


def open_engine(
    path: Path, name: str = 'auto', options: EngineOptions | None = None
) -> OpenEngine:
    """
    Open an engine for a model file, warm it up and check its answers if it needs that.

    Parameters
    ----------
    path : Path
        The model file.
    name : str
        One of `inference.BACKENDS`, and then that engine or none; or ``auto`` for the first of
        `AUTO` that can serve here.
    options : EngineOptions, optional
        How to open it.

    Raises
    ------
    EngineError
        If the engine, or with ``auto`` every engine, cannot serve; or if the watch stopped it.
    ModelError
        If the file does not keep the contract.

    """
    options = options or EngineOptions()
    return open_first(path, AUTO, options) if name == 'auto' else _open(path, name, options)


def open_first(path: Path, names: Sequence[str], options: EngineOptions) -> OpenEngine:
    """
    Open the first of some engines that can serve; otherwise as `open_engine`.

    Parameters
    ----------
    path : Path
        The model file.
    names : sequence of str
        The engines in the order in which they are tried.
    options : EngineOptions
        How to open them.

    """
    passed_over: list[str] = []
    for name in names:
        try:
            return _open(path, name, options, tuple(passed_over))
        except EngineError as e:
            # Told to stop, nobody waits for another engine.
            if options.watch.is_stopped():
                raise
            passed_over.append(f'{name} passed over: {str(e).removeprefix(f"backend {name}: ")}')
    raise EngineError(f'no engine can serve {path}: {"; ".join(passed_over)}')


def _open(
    path: Path, name: str, options: EngineOptions, passed_over: tuple[str, ...] = ()
) -> OpenEngine:
    backend = open_backend(path, name, options)
    with ExitStack() as resources:
        segmenter = Segmenter(resources.enter_context(backend))
        segmenter.warm_up()
        answer = _check(backend) if backend.needs_known_answer else None
        return OpenEngine(segmenter, passed_over, answer, resources.pop_all())


def _check(backend: Backend) -> KnownAnswer:
    # The renderer takes a tenth of a second to import, which engines on the CPU do without.
    from unet_seg_ros.serving.known_answer import check_known_answer

    return check_known_answer(backend)
