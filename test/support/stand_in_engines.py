"""Stand-ins for a GPU engine: ONNX Runtime under the name of TensorRT, with faults on demand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import ClassVar

import numpy as np

from unet_seg_ros import inference
from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.errors import EngineError, LostGpuError
from unet_seg_ros.inference.onnxruntime_backend import OnnxRuntimeBackend


@dataclass
class Faults:
    """What a stand-in does wrong; may change while it is open."""

    on_open: str = ''
    on_infer: str = ''
    is_wrong: bool = False
    #: Whether what goes wrong takes the GPU from the process.
    is_lost: bool = False
    #: Opening says a line and then takes until this is set.
    built: Event = field(default_factory=Event)
    opened: list[Backend] = field(default_factory=list)
    closed: list[Backend] = field(default_factory=list)
    #: Model files that cannot be opened.
    unfit: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.built.set()

    @property
    def kind(self) -> type[EngineError]:
        return LostGpuError if self.is_lost else EngineError


class StandInGpuEngine(OnnxRuntimeBackend):
    """Computes on the CPU; proves what happens around an engine, and nothing about TensorRT."""

    name: ClassVar[str] = 'tensorrt'
    needs_known_answer: ClassVar[bool] = True
    faults: ClassVar[Faults]

    def _open(self) -> None:
        if not self.faults.built.is_set():
            self.options.watch.say('building: 40 %')
            while not self.faults.built.wait(0.01):
                if self.options.watch.is_stopped():
                    raise EngineError('stopped')
        if self.faults.on_open or self.path in self.faults.unfit:
            raise self.faults.kind(f'backend {self.name}: {self.faults.on_open or "unfit"}')
        super()._open()
        self.faults.opened.append(self)

    def _infer(self, images_nhwc: np.ndarray) -> Prediction:
        if self.faults.on_infer:
            raise self.faults.kind(f'backend {self.name}: {self.faults.on_infer}')
        prediction = super()._infer(images_nhwc)
        if self.faults.is_wrong:
            # What an unsupported GPU has been reported to give, without any error.
            return replace(prediction, class_ids=np.zeros_like(prediction.class_ids))
        return prediction

    def _close(self) -> None:
        super()._close()
        self.faults.closed.append(self)


def install(patch) -> Faults:
    """Let the stand-in take the place of TensorRT; return its switches."""
    faults = Faults()
    patch.setattr(StandInGpuEngine, 'faults', faults, raising=False)
    patch.setitem(inference.BACKENDS, 'tensorrt', StandInGpuEngine)
    return faults
