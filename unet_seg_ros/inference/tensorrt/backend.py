"""TensorRT and TensorRT-RTX behind the backend port: from a model file to frames on the GPU."""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import ClassVar

import numpy as np

from unet_seg_ros.core.backend import Backend, Prediction
from unet_seg_ros.core.contract import PRECISIONS
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.size import ByteArray
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.cuda import CudaRuntime, require_cuda
from unet_seg_ros.inference.tensorrt.engine import LoadedEngine, RtxEngine
from unet_seg_ros.inference.tensorrt.entry import CachedEngine, runtime_cache_path
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.inference.tensorrt.precision import require_precision
from unet_seg_ros.inference.tensorrt.probe import Gpu, check_runtime, find_gpu
from unet_seg_ros.inference.tensorrt.runner import EngineRunner


class TensorRtBackend(Backend):
    """
    TensorRT 10 or 11, as JetPack and NVIDIA's packages have it.

    It is opened in an order in which nothing is loaded that could bring the process down: the
    driver and its GPU, a first runtime of TensorRT in a process of its own, the engine from the
    cache, built there if need be. Batches above ``max_batch`` are run in parts.
    """

    name: ClassVar[str] = 'tensorrt'
    precisions: ClassVar[tuple[str, ...]] = PRECISIONS
    needs_known_answer: ClassVar[bool] = True

    _resources: ExitStack
    _runner: EngineRunner

    def _open(self) -> None:
        flavour = FLAVOURS[self.name]
        if not flavour.is_installed():
            raise EngineError(f'backend {self.name}: not installed: {flavour.remedy}')
        if self.precision != 'auto':
            require_precision(self.path, self.contract, self.precision)
        options = self.options
        gpu = find_gpu(options.gpu)
        module = flavour.load()
        cache = EngineCache(options.cache)
        check_runtime(flavour, gpu, cache.folder)
        # Before an engine is built, which takes minutes.
        require_cuda()
        request = BuildRequest(self.path, flavour, options.max_batch, gpu)
        cached = cache.load_or_build(request, options.watch)
        with ExitStack() as resources:
            device = CudaRuntime(gpu.index)
            engine = self._load(module, cached, gpu)
            resources.callback(engine.close)
            runner = EngineRunner(device, engine, options.max_batch, options.watch)
            resources.callback(runner.close)
            runner.warm_up()
            engine.keep_compiled()
            self._runner = runner
            self._resources = resources.pop_all()
        self.precision = self.contract.precision

    def _infer(self, images_nhwc: ByteArray) -> Prediction:
        most = self.options.max_batch
        first, *others = [
            self._runner.run(images_nhwc[start : start + most])
            for start in range(0, len(images_nhwc), most)
        ]
        if not others:
            return first
        parts = (first, *others)
        return Prediction(
            np.concatenate([part.class_ids for part in parts]),
            np.concatenate([part.confidence for part in parts]),
            np.concatenate([part.group_probability for part in parts]),
        )

    def _close(self) -> None:
        del self._runner
        self._resources.close()

    def _load(self, module: ModuleType, cached: CachedEngine, gpu: Gpu) -> LoadedEngine:
        del gpu
        return LoadedEngine(module, cached.plan, self.options.watch)


class TensorRtRtxBackend(TensorRtBackend):
    """
    TensorRT-RTX, for GeForce and RTX cards.

    Its engines are built without a GPU and fit every card that it supports. The kernels that it
    compiles for the card at hand are kept beside the engine.
    """

    name: ClassVar[str] = 'tensorrt_rtx'

    def _load(self, module: ModuleType, cached: CachedEngine, gpu: Gpu) -> LoadedEngine:
        kernels = runtime_cache_path(cached, gpu)
        return RtxEngine(module, cached.plan, self.options.watch, kernels)
