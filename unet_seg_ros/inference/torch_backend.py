"""torch: for GPUs without TensorRT, and a plain reference on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.errors import EngineError, LostGpuError, one_line
from unet_seg_ros.core.size import ByteArray

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule


class TorchBackend(Backend):
    """
    Eager torch on the chosen GPU, or on the CPU where torch finds no CUDA.

    It computes in the precision of the model file: fp32 without TF32, fp16, and of int8 what its
    graph says, in floating point, which is exact but no faster. Two settings of torch belong to
    the whole process and are changed only while a batch runs: on the CPU the number of threads
    where `num_threads` is not 0, on CUDA whether cuDNN may use TF32.

    Attributes
    ----------
    device : str
        Where it runs once it is open, such as ``cuda:0`` or ``cpu``.

    """

    name: ClassVar[str] = 'torch'
    precisions: ClassVar[tuple[str, ...]] = ('fp32',)
    needs_known_answer: ClassVar[bool] = True

    device: str
    _torch: ModuleType
    _graph: GraphModule
    #: What images are copied to the device from: memory [N, H, W, 3] that CUDA can read by itself.
    _staging: Tensor

    def _open(self) -> None:
        try:
            import torch

            from unet_seg_ros.inference.torch_graph import load_graph
        except (ImportError, OSError) as e:  # OSError: a library of CUDA is missing.
            raise EngineError(
                f"backend {self.name}: pip install 'unet_seg_ros[training]' ({one_line(e)})"
            ) from e
        self._torch = torch
        self.device = self._choose_device()
        try:
            self._graph = load_graph(self.path).to(self.device)
            self._reserve(1)
            # The first run chooses algorithms, and shows what the device cannot do.
            self._run(np.zeros((1, *self.contract.input_size, 3), np.uint8))
        except RuntimeError as e:
            raise EngineError(f'backend {self.name}: refuses {self.path}: {one_line(e)}') from e
        self.precision = 'fp32'

    def _choose_device(self) -> str:
        if not self._torch.cuda.is_available():
            return 'cpu'
        count = self._torch.cuda.device_count()
        if self.options.gpu >= count:
            raise EngineError(
                f'backend {self.name}: there is no GPU {self.options.gpu}; torch sees {count}, '
                'counted from 0'
            )
        return f'cuda:{self.options.gpu}'

    def _reserve(self, num_images: int) -> None:
        self._staging = self._torch.empty(
            (num_images, *self.contract.input_size, 3),
            dtype=self._torch.uint8,
            pin_memory=self.device != 'cpu',
        )

    def _infer(self, images_nhwc: ByteArray) -> Prediction:
        try:
            if len(images_nhwc) > len(self._staging):
                self._reserve(len(images_nhwc))
            return self._run(images_nhwc)
        except RuntimeError as e:
            self._check_gpu()
            raise EngineError(f'backend {self.name}: {one_line(e)}') from e

    def _check_gpu(self) -> None:
        """Raise LostGpuError if the GPU is lost, which every later call would say."""
        if self.device == 'cpu':
            return
        try:
            self._torch.cuda.synchronize(self.device)
        except RuntimeError as e:
            raise LostGpuError(
                f'backend {self.name}: {one_line(e)}; GPU {self.options.gpu} is lost to this '
                'process: start that again'
            ) from e

    def _run(self, images_nhwc: ByteArray) -> Prediction:
        host = self._staging[: len(images_nhwc)]
        host.numpy()[:] = images_nhwc
        with self._torch.inference_mode(), self._settings():
            outputs = self._graph(host.to(self.device, non_blocking=True))
            # A copy to the host waits for the device, which is then done with `host` too.
            return Prediction(*(output.contiguous().cpu().numpy() for output in outputs))

    @contextmanager
    def _settings(self) -> Iterator[None]:
        if self.device != 'cpu':
            with self._torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                yield
        elif self.options.num_threads:
            before = self._torch.get_num_threads()
            self._torch.set_num_threads(self.options.num_threads)
            try:
                yield
            finally:
                self._torch.set_num_threads(before)
        else:
            yield

    def _close(self) -> None:
        del self._graph, self._staging
        if self.device != 'cpu':
            self._torch.cuda.empty_cache()
        del self._torch
