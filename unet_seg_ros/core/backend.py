"""The port behind which every inference engine stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from unet_seg_ros.core.contract import ModelContract, read_contract
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.size import ByteArray

if TYPE_CHECKING:
    from typing_extensions import Self

#: What an engine can be asked to compute in; each knows some of them, and all of them ``auto``.
PRECISION_CHOICES = ('auto', 'fp32', 'bf16', 'fp16', 'int8')


@dataclass(frozen=True, slots=True)
class Prediction:
    """
    What the network says of N images; the arrays belong to the caller.

    Attributes
    ----------
    class_ids : ndarray
        uint8 [N, H, W], ids of the contract's class table.
    confidence : ndarray
        uint8 [N, H/4, W/4], 0 to 255 for the winning class's probability 0 to 1.
    group_probability : ndarray
        uint8 [N, G, H/4, W/4], likewise for the contract's groups, in their order.

    """

    class_ids: ByteArray
    confidence: ByteArray
    group_probability: ByteArray


class Watch:
    """Who follows work that may take minutes; this one hears nothing and lets it go on."""

    def say(self, line: str) -> None:
        """Hear how far it is, in one line."""

    def is_stopped(self) -> bool:
        """Return whether it is to be given up."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """
    How an engine is to be opened; each engine reads what concerns it.

    Attributes
    ----------
    precision : str
        One of the engine's precisions, or ``auto``: the fastest of them that a CPU has, or that of
        the model file on a GPU.
    num_threads : int
        CPU threads; 0 leaves the choice to the engine.
    gpu : int
        Index of the GPU, as CUDA counts them.
    max_batch : int
        The largest batch that a GPU engine is built for; larger ones are run in parts.
    cache : Path, optional
        Folder of built engines; None for the user's own.
    watch : Watch
        Follows the building of an engine.

    """

    precision: str = 'auto'
    num_threads: int = 0
    gpu: int = 0
    max_batch: int = 1
    cache: Path | None = None
    watch: Watch = field(default_factory=Watch, compare=False)


class Backend(ABC):
    """
    An inference engine, held open by a ``with`` block.

    The public methods validate, the ``_`` methods of a subclass do the work; they may rely on
    what was validated. Engines are imported by ``_open`` alone, so that a missing one costs only
    those who ask for it. One thread at a time may use an instance.

    Parameters
    ----------
    path : Path
        The model file; its contract is read at once.
    options : EngineOptions
        How to open it; the precision is one of the subclass's `precisions` or ``auto``.

    Attributes
    ----------
    precision : str
        What the engine computes in; once it is open never ``auto``.

    Raises
    ------
    ModelError
        If the file does not keep the contract.
    EngineError
        If the engine does not know the precision.

    """

    #: The name by which users choose the engine.
    name: ClassVar[str]
    #: The precisions that can be asked for.
    precisions: ClassVar[tuple[str, ...]]
    #: Whether its answers are compared with a CPU engine's before it is trusted with a frame: it
    #: may give wrong ones without an error.
    needs_known_answer: ClassVar[bool] = False

    def __init__(self, path: Path, options: EngineOptions | None = None) -> None:
        """Read the contract; no engine is opened yet."""
        self.options = options or EngineOptions()
        self.precision = self.options.precision
        if self.precision not in (*self.precisions, 'auto'):
            raise EngineError(
                f'backend {self.name}: precision {self.precision!r} is not one of '
                f'{", ".join((*self.precisions, "auto"))}'
            )
        self.path = path
        self.contract: ModelContract = read_contract(path)
        self._is_open = False

    def __enter__(self) -> Self:
        """
        Open the engine: load and compile the model.

        From here on `precision` names what was chosen where it was ``auto``.

        Raises
        ------
        EngineError
            If the engine is not installed or refuses the model.

        """
        self._open()
        self._is_open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the engine and all that it holds."""
        self._is_open = False
        self._close()

    def infer(self, images_nhwc: ByteArray) -> Prediction:
        """
        Segment a batch of images.

        Parameters
        ----------
        images_nhwc : ndarray
            uint8 [N, H, W, 3] in BGR order, H and W as the contract has them, C-contiguous.

        Returns
        -------
        Prediction
            Fresh arrays that no later call touches.

        Raises
        ------
        ValueError
            If the engine is not open or the array is not of that form.
        EngineError
            If the engine fails.

        """
        expected = (*self.contract.input_size, 3)
        if not self._is_open:
            raise ValueError(f'backend {self.name} is not open: use it in a with block')
        if images_nhwc.dtype != np.uint8 or images_nhwc.shape[1:] != expected:
            raise ValueError(
                f'backend {self.name}: expected uint8 [N, {expected[0]}, {expected[1]}, 3], '
                f'got {images_nhwc.dtype} {list(images_nhwc.shape)}'
            )
        return self._infer(np.ascontiguousarray(images_nhwc))

    @abstractmethod
    def _open(self) -> None: ...

    @abstractmethod
    def _infer(self, images_nhwc: ByteArray) -> Prediction: ...

    @abstractmethod
    def _close(self) -> None: ...
