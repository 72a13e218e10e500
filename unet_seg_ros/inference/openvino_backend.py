"""OpenVINO on the CPU: the engine for machines without a GPU."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.core.size import ByteArray

if TYPE_CHECKING:
    import openvino


#: Our names of precisions, and OpenVINO's.
HINTS = {'fp32': 'f32', 'bf16': 'bf16'}

#: OpenVINO's model converter, which nothing here uses.
_CONVERTER = 'openvino.tools.ovc'

# A fallback may be opened while another thread opens the engine that was asked for.
_importing = Lock()


def import_openvino() -> ModuleType:
    """Import OpenVINO without its model converter, and return it."""
    # OpenVINO imports its converter where it can. That takes longer than all the rest of it, and
    # the converter reports every import to Google Analytics: not from a vehicle.
    with _importing:
        is_hidden = _CONVERTER not in sys.modules
        if is_hidden:
            sys.modules[_CONVERTER] = None  # type: ignore[assignment]
        try:
            return importlib.import_module('openvino')
        finally:
            if is_hidden:
                del sys.modules[_CONVERTER]


@functools.cache
def _process_core() -> openvino.Core:
    """
    Return the core of this process, made at the first call.

    It is kept for good: with the last core OpenVINO unloads its CPU plugin, and with it the
    alternate signal stack of the thread that loaded it. A signal would then find no stack there
    and kill the process.
    """
    return import_openvino().Core()


class OpenVinoBackend(Backend):
    """
    OpenVINO's CPU plugin, one stream, tuned for latency.

    The model is compiled for each batch size that it meets, once.
    """

    name: ClassVar[str] = 'openvino'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'bf16')

    _model: openvino.Model
    _requests: dict[int, openvino.InferRequest]

    def _open(self) -> None:
        try:
            core = _process_core()
        except ImportError as e:
            raise EngineError(f'backend {self.name}: pip install openvino ({e})') from e
        has_bf16 = 'BF16' in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        if self.precision == 'auto':
            self.precision = 'bf16' if has_bf16 else 'fp32'
        elif self.precision == 'bf16' and not has_bf16:
            raise EngineError(f'backend {self.name}: this CPU has no bf16; use fp32 or auto')
        try:
            self._model = core.read_model(self.path)
            self._requests = {1: self._compile(batch=1)}
        except RuntimeError as e:
            raise EngineError(f'backend {self.name}: refuses {self.path}: {one_line(e)}') from e

    def _compile(self, batch: int) -> openvino.InferRequest:
        # A static shape compiles to faster code than a dynamic one, and batch sizes are few.
        self._model.reshape({INPUT: [batch, *self.contract.input_size, 3]})
        config: dict[str, Any] = {
            'PERFORMANCE_HINT': 'LATENCY',
            'NUM_STREAMS': 1,
            'INFERENCE_PRECISION_HINT': HINTS[self.precision],
            'INFERENCE_NUM_THREADS': self.options.num_threads or len(os.sched_getaffinity(0)),
        }
        return _process_core().compile_model(self._model, 'CPU', config).create_infer_request()

    def _infer(self, images_nhwc: ByteArray) -> Prediction:
        try:
            batch = len(images_nhwc)
            if batch not in self._requests:
                self._requests[batch] = self._compile(batch)
            request = self._requests[batch]
            request.infer({INPUT: images_nhwc}, share_inputs=True)
            # Copied out: the request's own buffers are overwritten by the next frame.
            return Prediction(*(np.array(request.get_tensor(o).data) for o in OUTPUTS))
        except RuntimeError as e:
            raise EngineError(f'backend {self.name}: {one_line(e)}') from e

    def _close(self) -> None:
        del self._requests, self._model
