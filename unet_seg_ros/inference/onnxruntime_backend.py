"""ONNX Runtime on the CPU: the independent reference that other engines are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import EngineError, one_line
from unet_seg_ros.core.size import ByteArray

if TYPE_CHECKING:
    import onnxruntime


class OnnxRuntimeBackend(Backend):
    """ONNX Runtime's CPU provider; computes in the precision of the model file."""

    name: ClassVar[str] = 'onnxruntime'
    precisions: ClassVar[tuple[str, ...]] = ('fp32',)

    _session: onnxruntime.InferenceSession
    #: What ONNX Runtime raises; its exceptions have no base of their own.
    _errors: tuple[type[Exception], ...]

    def _open(self) -> None:
        try:
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as state
        except ImportError as e:
            raise EngineError(f'backend {self.name}: pip install onnxruntime ({e})') from e
        self._errors = tuple(
            e for e in vars(state).values() if isinstance(e, type) and issubclass(e, Exception)
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.options.num_threads
        # Spinning threads would take the cores from the rest of the vehicle between two frames.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                self.path, options, providers=['CPUExecutionProvider']
            )
        except self._errors as e:
            raise EngineError(f'backend {self.name}: refuses {self.path}: {one_line(e)}') from e
        self.precision = 'fp32'

    def _infer(self, images_nhwc: ByteArray) -> Prediction:
        try:
            return Prediction(*self._session.run(list(OUTPUTS), {INPUT: images_nhwc}))
        except self._errors as e:
            raise EngineError(f'backend {self.name}: {one_line(e)}') from e

    def _close(self) -> None:
        del self._session
