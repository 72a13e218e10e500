"""
An int8 model file: signed, symmetric, with every scale in the graph.

One such file serves TensorRT, OpenVINO and ONNX Runtime; TensorRT builds no other form of int8.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from torch import Tensor, nn

from unet_seg_ros.core.contract import INPUT
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.training.frames import SourceFrames
from unet_seg_ros.training.network import PixelNetwork
from unet_seg_ros.training.unet import UpStep

#: Share of a tensor's values [%] that its range holds; what is beyond is clipped. On Town02's 400
#: validation frames the classes of 0.9986 of the pixels stay, of 0.9984 with 99.999.
PERCENTILE = 99.99

#: The largest int8 that has a negative of its own.
_MAX_INT8 = 127.0

# Ranges hardly change with more images.
_MAX_IMAGES = 128

# What every layer makes of so many images is in memory at once.
_BATCH = 8

_QUANTIZED = ['Conv', 'ConvTranspose', 'Concat', 'MaxPool']


def calibration_images(
    validation: Sequence[SourceFrames], network: NetworkInput
) -> list[ByteArray]:
    """
    Return images of all validation frames, evenly apart, to measure ranges on.

    Parameters
    ----------
    validation : sequence of SourceFrames
        One frame or more.
    network : NetworkInput
        How images come to the network.

    Returns
    -------
    list of ndarray
        At most 128, uint8 [H, W, 3] in BGR order, as the vehicle's network gets them.

    """
    places = [(frames, i) for frames in validation for i in range(len(frames))]
    count = min(len(places), _MAX_IMAGES)
    # ONNX Runtime takes full batches only.
    count -= count % min(count, _BATCH)
    chosen = np.linspace(0, len(places) - 1, count).astype(int)
    images = (frames[i][0] for frames, i in (places[c] for c in chosen))
    return [network.geometry(ImageSize.of(image)).to_network(image) for image in images]


def with_unit_joins(network: PixelNetwork, images: Sequence[ByteArray]) -> PixelNetwork:
    """
    Return an equal network whose concatenated tensors fill the range -127 to 127.

    Their int8 scale is then 1. With another one OpenVINO (2024.6 to 2026.4) is wrong: it rounds
    what it concatenates in int8 to whole numbers, taken before the scale instead of after it.

    Parameters
    ----------
    network : PixelNetwork
        Its batch norms folded away.
    images : sequence of ndarray
        uint8 [H, W, 3] in BGR order, of the input size, to measure ranges on.

    """
    network = copy.deepcopy(network)
    down, steps = list(network.unet.down), _joining_steps(network)
    scales = [range_ / _MAX_INT8 if range_ else 1.0 for range_ in _ranges(network, steps, images)]
    for level, step, scale in zip(reversed(range(len(steps))), steps, scales, strict=True):
        # Exact, for ReLU and pooling keep a factor: what writes the tensors is divided by it, what
        # reads them is multiplied.
        for writer in (_convolutions(down[level])[-1], step.up):
            for parameter in writer.parameters():
                parameter.data /= scale
        for reader in (down[level + 1], step.convolutions):
            _convolutions(reader)[0].weight.data *= scale
    return network


def quantize(model: onnx.ModelProto, images: Sequence[ByteArray]) -> onnx.ModelProto:
    """
    Return a model with its convolutions, poolings and concatenations in int8.

    Parameters
    ----------
    model : onnx.ModelProto
        In fp32, of a network `with_unit_joins`.
    images : sequence of ndarray
        uint8 [H, W, 3] in BGR order, of the input size, to measure ranges on.

    """
    model = copy.deepcopy(model)
    # It would advise otherwise to fold batch norms and infer shapes, which the exporter did.
    add_pre_process_metadata(model)
    nodes = model.graph.node
    joined = {name for n in nodes if n.op_type == 'Concat' for name in (*n.input, *n.output)}
    unit = {'scale': np.array(1.0, np.float32), 'zero_point': np.array(0, np.int8)}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / 'int8.onnx'
        quantize_static(
            model,
            path,
            _Images(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTIZED,
            # Probabilities need no int8: their sums over groups are cheap.
            nodes_to_exclude=[n.name for n in nodes if 'membership' in n.input],
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                'ActivationSymmetric': True,
                'WeightSymmetric': True,
                'QuantizeBias': False,
                # Else a ReLU would come after its convolution's rounding, and not fuse with it.
                'OpTypesToExcludeOutputQuantization': ['Conv', 'ConvTranspose'],
                'CalibTensorRangeSymmetric': True,
                'CalibPercentile': PERCENTILE,
                'CalibStridedMinMax': min(_BATCH, len(images)),
                'TensorQuantOverrides': {name: [unit] for name in joined},
            },
        )
        return onnx.load(path)


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]


def _joining_steps(network: PixelNetwork) -> list[UpStep]:
    """Return the steps up that concatenate, from the lowest on; a network may have none."""
    return [s for s in network.unet.up if isinstance(s, UpStep) and s.skips]


def _ranges(
    network: PixelNetwork, steps: Sequence[UpStep], images: Sequence[ByteArray]
) -> list[float]:
    """Return how far from zero the values are that each step concatenates."""
    ranges = [0.0] * len(steps)

    def measure(i: int, joined: Tensor) -> None:
        values = joined.abs().flatten()
        rank = math.ceil(PERCENTILE / 100 * values.numel())
        ranges[i] = max(ranges[i], float(values.kthvalue(rank).values))

    hooks = [
        step.convolutions.register_forward_pre_hook(lambda _, inputs, i=i: measure(i, inputs[0]))
        for i, step in enumerate(steps)
    ]
    with torch.inference_mode():
        for image in images if steps else ():
            network(torch.from_numpy(np.ascontiguousarray(image))[None])
    for hook in hooks:
        hook.remove()
    return ranges


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """The images, one by one, as ONNX Runtime asks for them."""

    def __init__(self, images: Sequence[ByteArray]) -> None:
        self._images = images
        self.set_range(0, len(images))

    def __len__(self) -> int:
        return len(self._images)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._next = iter(self._images[start_index:end_index])

    def get_next(self) -> dict[str, ByteArray] | None:
        image = next(self._next, None)
        return None if image is None else {INPUT: image[np.newaxis]}
