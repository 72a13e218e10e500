"""
The engines that are set beside each other on one GPU, behind one form.

An engine says what it is (`about`), and opens a model for one batch size as an object with
`stream`, `input_address` and `run`, which `gpu_timing.Frames` drives. Each is used in a process
of its own. All of them may use TF32 in fp32, as each does unless told otherwise.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from gpu_peers import Engine, OnnxRuntime, Torch

from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.engine import LoadedEngine, RtxEngine
from unet_seg_ros.inference.tensorrt.entry import runtime_cache_path
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.inference.tensorrt.probe import check_runtime, find_gpu


class TensorRt(Engine):
    """A flavour of TensorRT, as the package's backend runs it."""

    def __init__(self, setting, *, name):
        self._setting = setting
        self._flavour = FLAVOURS[name]
        self.backend = name

    def about(self):
        if not self._flavour.is_installed():
            raise EngineError(f'not installed: {self._flavour.remedy}')
        if not self._flavour.is_portable:
            find_gpu(self._setting.gpu)
        return f'{self._flavour.name} {self._flavour.load().__version__}'

    def build(self, model, num_images):
        """Return the engine from the cache, which has it or builds it."""
        gpu = None if self._setting.on_cpu else find_gpu(self._setting.gpu)
        request = BuildRequest(model, self._flavour, num_images, gpu)
        return EngineCache(self._setting.engines).load_or_build(request, self._setting.watch)

    def open(self, model, contract, num_images, device, resources):
        gpu = find_gpu(self._setting.gpu)
        check_runtime(self._flavour, gpu, self._setting.engines)
        cached = self.build(model, num_images)
        module, watch = self._flavour.load(), self._setting.watch
        if self._flavour.is_portable:
            kernels = runtime_cache_path(cached, gpu)
            engine = RtxEngine(module, cached.plan, watch, kernels)
        else:
            engine = LoadedEngine(module, cached.plan, watch)
        resources.callback(engine.close)
        return TensorRtModel(engine, num_images, device, resources)


class TensorRtModel:
    """An engine on a stream of ours; its run alone is a CUDA graph where it may be captured."""

    def __init__(self, engine, num_images, device, resources):
        self.stream = device.new_stream()
        resources.callback(device.free_stream, self.stream)

        def buffer(num_bytes):
            address = device.allocate(max(num_bytes, 1))
            resources.callback(device.free, address)
            return address

        shapes = engine.tensor_shapes(num_images)
        addresses = {name: buffer(int(np.prod(shape))) for name, shape in shapes.items()}
        self.input_address = addresses[INPUT]
        self._outputs = [addresses[name] for name in OUTPUTS]
        activations = buffer(engine.activation_bytes)
        resources.callback(engine.release_contexts)
        engine.prepare(num_images, addresses, activations)
        self._start = partial(engine.enqueue, num_images, self.stream)
        self._start()
        device.synchronize(self.stream)
        self._notes = [f'{engine.activation_bytes / 1e6:.0f} MB for activations']
        if engine.is_capturable:
            try:
                graph = device.capture(self.stream, self._start)
            except EngineError as e:
                self._notes.append(f'no CUDA graph: {e}')
            else:
                resources.callback(device.free_graph, graph)
                self._start = partial(device.launch, graph, self.stream)

    def run(self):
        self._start()
        return self._outputs

    def notes(self):
        return self._notes


#: By the name under which they stand in the tables.
ENGINES = {
    'tensorrt': partial(TensorRt, name='tensorrt'),
    'tensorrt_rtx': partial(TensorRt, name='tensorrt_rtx'),
    'torch': Torch,
    'torch compiled': partial(Torch, compiled=True),
    'onnxruntime': OnnxRuntime,
}
