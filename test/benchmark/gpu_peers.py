"""What TensorRT is set against, torch and ONNX Runtime, and what all engines share."""

from __future__ import annotations

import gc
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.probe import find_gpu


class Engine:
    """What the engines share."""

    #: The backend of the package that is timed as a whole as well.
    backend = None

    def refuses(self, precision):
        """Return why it has no figures of a precision; empty where it has."""
        return ''

    def clear(self):
        """Give back what it holds of the last model."""


class Torch(Engine):
    """torch on the graph of the model file, eager or compiled with CUDA graphs."""

    def __init__(self, setting, *, compiled=False):
        self._setting = setting
        self._device = 'cpu' if setting.on_cpu else f'cuda:{setting.gpu}'
        self._compiled = compiled
        self.backend = None if compiled else 'torch'

    def about(self):
        torch = import_torch(self._setting)
        cuda = f', CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}'
        return f'torch {torch.__version__}{"" if self._setting.on_cpu else cuda}'

    def refuses(self, precision):
        # The file's int8 is computed in floating point there, which says nothing of its speed.
        return 'no int8 convolutions on CUDA' if precision == 'int8' else ''

    def clear(self):
        torch = import_torch(self._setting)
        torch._dynamo.reset()
        gc.collect()
        if not self._setting.on_cpu:
            torch.cuda.empty_cache()

    def open(self, model, contract, num_images, device, resources):
        cudnn = import_torch(self._setting).backends.cudnn
        # As one who wants it fast would; the package's backend does not.
        cudnn.benchmark = True
        resources.callback(setattr, cudnn, 'benchmark', False)
        return TorchModel(model, contract, num_images, self._device, self._compiled)


class TorchModel:
    """A model file in torch; its outputs stay where the last run left them."""

    def __init__(self, model, contract, num_images, where, compiled):
        import torch
        from torch._dynamo.utils import counters

        from unet_seg_ros.inference.torch_graph import load_graph

        self._torch, self._counters = torch, counters
        self._stream = None if where == 'cpu' else torch.cuda.Stream(where)
        self.stream = 0 if self._stream is None else self._stream.cuda_stream
        self._network = load_graph(model).to(where)
        if compiled:
            counters.clear()
            self._network = torch.compile(self._network, mode='reduce-overhead', dynamic=False)
        shape = (num_images, *contract.input_size, 3)
        self._image = torch.zeros(shape, dtype=torch.uint8, device=where)
        self.input_address = self._image.data_ptr()
        self._outputs = ()
        if self._stream is not None:
            # All that was copied there so far is on another stream.
            torch.cuda.synchronize(where)

    def run(self):
        # Before the next run may write over them.
        self._outputs = ()
        with self._torch.inference_mode(), self._torch.cuda.stream(self._stream):
            self._outputs = [output.contiguous() for output in self._network(self._image)]
        return [output.data_ptr() for output in self._outputs]

    def notes(self):
        skips = self._counters['inductor']['cudagraph_skips']
        return [f'torch made no CUDA graph of {skips} parts'] if skips else []


class OnnxRuntime(Engine):
    """ONNX Runtime's CUDA provider, its buffers bound."""

    def __init__(self, setting):
        self._setting = setting

    def about(self):
        if not self._setting.on_cpu:
            find_gpu(self._setting.gpu)
        onnxruntime = import_onnxruntime(self._setting)
        return (
            f'onnxruntime {onnxruntime.__version__} '
            f'({", ".join(onnxruntime.get_available_providers())})'
        )

    def open(self, model, contract, num_images, device, resources):
        return OnnxRuntimeModel(model, contract, num_images, device, resources, self._setting)


class OnnxRuntimeModel:
    """A session on a stream of ours; what it leaves to the CPU is noted."""

    def __init__(self, model, contract, num_images, device, resources, setting):
        onnxruntime = import_onnxruntime(setting)
        self.stream = device.new_stream()
        resources.callback(device.free_stream, self.stream)
        self._placed = placement(onnxruntime, model, contract, num_images, setting)
        if not setting.on_cpu and not self._placed['CUDAExecutionProvider']:
            raise EngineError('ONNX Runtime ran nothing of it on CUDA')
        self._session = onnxruntime.InferenceSession(
            model, session_options(onnxruntime), providers=providers(setting, self.stream)
        )
        self._binding = self._session.io_binding()
        where = 'cpu' if setting.on_cpu else 'cuda'

        def buffer(shape):
            address = device.allocate(int(np.prod(shape)))
            resources.callback(device.free, address)
            return address

        self._outputs = []
        for name, shape in zip(OUTPUTS, output_shapes(contract, num_images), strict=True):
            self._outputs.append(buffer(shape))
            self._binding.bind_output(name, where, setting.gpu, np.uint8, shape, self._outputs[-1])
        shape = (num_images, *contract.input_size, 3)
        self.input_address = buffer(shape)
        self._binding.bind_input(INPUT, where, setting.gpu, np.uint8, shape, self.input_address)
        self._options = onnxruntime.RunOptions()
        # The stream is waited for when the frame has been copied out.
        self._options.add_run_config_entry('disable_synchronize_execution_providers', '1')
        resources.callback(self.close)

    def close(self):
        """Release the session, which must not outlive the stream and the buffers."""
        del self._binding, self._session

    def run(self):
        self._session.run_with_iobinding(self._binding, self._options)
        return self._outputs

    def notes(self):
        placed = ', '.join(f'{count} on {name}' for name, count in self._placed.items())
        return [f'nodes: {placed}']


def output_shapes(contract, num_images):
    """Return the shapes of class ids, confidence and group probability."""
    height, width = contract.input_size
    low = (height // 4, width // 4)
    return [
        (num_images, height, width),
        (num_images, *low),
        (num_images, len(contract.groups), *low),
    ]


def import_torch(setting):
    try:
        import torch
    except (ImportError, OSError) as e:
        raise EngineError(f'torch cannot be imported ({e})') from e
    if not setting.on_cpu and not torch.cuda.is_available():
        raise EngineError(f'torch {torch.__version__} finds no CUDA')
    return torch


def import_onnxruntime(setting):
    try:
        import onnxruntime
    except ImportError as e:
        raise EngineError(f'onnxruntime cannot be imported ({e})') from e
    if not setting.on_cpu:
        found = onnxruntime.get_available_providers()
        if 'CUDAExecutionProvider' not in found:
            raise EngineError(
                f'onnxruntime {onnxruntime.__version__} has no CUDA provider but '
                f'{", ".join(found)}: install onnxruntime-gpu in its place'
            )
        onnxruntime.preload_dlls()
    return onnxruntime


def session_options(onnxruntime):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options


def providers(setting, stream=None):
    """Return ONNX Runtime's providers; without a stream for one run, quickly prepared."""
    if setting.on_cpu:
        return ['CPUExecutionProvider']
    cuda = {'device_id': str(setting.gpu)}
    if stream is None:
        cuda['cudnn_conv_algo_search'] = 'HEURISTIC'
    else:
        cuda['user_compute_stream'] = str(stream)
    return [('CUDAExecutionProvider', cuda), 'CPUExecutionProvider']


def placement(onnxruntime, model, contract, num_images, setting):
    """Return how many nodes each provider ran, by ONNX Runtime's own profile of one run."""
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(onnxruntime)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / 'profile')
        session = onnxruntime.InferenceSession(model, options, providers=providers(setting))
        session.run(None, {INPUT: np.zeros((num_images, *contract.input_size, 3), np.uint8)})
        events = json.loads(Path(session.end_profiling()).read_text())
    ran = (event.get('args', {}).get('provider') for event in events if event['cat'] == 'Node')
    return Counter(provider for provider in ran if provider)
