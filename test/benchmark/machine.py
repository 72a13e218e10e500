"""What the machine is, and what it could do at best: copies and matrix products."""

from __future__ import annotations

import os
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from unet_seg_ros.inference.openvino_backend import HINTS, OpenVinoBackend, import_openvino

VERSIONS = ('openvino', 'onnxruntime', 'torch', 'numpy', 'opencv-python-headless', 'rclpy')


def describe():
    """Return the machine and the versions as lines of markdown."""
    info = Path('/proc/cpuinfo').read_text()
    name = next(x.split(':')[1].strip() for x in info.splitlines() if x.startswith('model name'))
    extensions = [x for x in ('avx2', 'avx512f', 'avx512_bf16', 'amx_bf16') if f' {x}' in info]
    found = []
    for package in VERSIONS:
        try:
            found.append(f'{package} {version(package)}')
        except PackageNotFoundError:
            found.append(f'no {package}')
    load = ', '.join(f'{x:.2f}' for x in os.getloadavg())
    return [
        f'- Date: {time.strftime("%Y-%m-%d %H:%M")}; load average at the start: {load}',
        f'- CPU: {name}, {len(os.sched_getaffinity(0))} cores ({", ".join(extensions)})',
        f'- Python {".".join(os.sys.version.split()[0].split(".")[:2])}, {", ".join(found)}',
    ]


def copy_gb_per_s(size=64 << 20, repetitions=20):
    """Return how many GB one thread copies in a second, between arrays larger than the caches."""
    source, target = np.ones(size, np.uint8), np.ones(size, np.uint8)
    return size / _best_s(lambda: np.copyto(target, source), repetitions) / 1e9


def peak_gflop_per_s(folder, precision, side=2048, repetitions=20):
    """Return the speed of a large matrix product on OpenVINO, in GFLOP/s."""
    weights = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['a', 'b'], ['c'])],
        'peak',
        [helper.make_tensor_value_info('a', TensorProto.FLOAT, [side, side])],
        [helper.make_tensor_value_info('c', TensorProto.FLOAT, [side, side])],
        [numpy_helper.from_array(weights, 'b')],
    )
    path = folder / 'peak.onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)]), path)
    hints = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': HINTS[precision]}
    core = import_openvino().Core()
    request = core.compile_model(path, 'CPU', hints).create_infer_request()
    request.infer([weights])
    return 2 * side**3 / _best_s(lambda: request.infer([weights]), repetitions) / 1e9


def model_gflop(path):
    """Return the multiplications and additions of the convolutions for one image, in GFLOP."""
    model = shape_inference.infer_shapes(onnx.load(path))
    values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
    shapes = {v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim] for v in values}
    weights = {w.name: list(w.dims) for w in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type in ('Conv', 'ConvTranspose'):
            # A weight is used once for each pixel of the output, transposed of the input.
            pixels = shapes[node.output[0] if node.op_type == 'Conv' else node.input[0]][2:]
            total += 2 * np.prod(pixels) * np.prod(weights[node.input[1]])
    return float(total) / 1e9


def precisions():
    """Return the precisions of OpenVINO that this machine's hardware has."""
    has_bf16 = 'BF16' in import_openvino().Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    return [p for p in OpenVinoBackend.precisions if p != 'bf16' or has_bf16]


def _best_s(function, repetitions):
    durations = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        durations.append(time.perf_counter() - start)
    return min(durations)
