"""
The ONNX operators of our model files, as calls of torch functions.

They are those that `unet-seg export` writes in fp32, fp16 and int8, and the four of the model of
the tests: Floor, Reshape, Squeeze and Unsqueeze.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor
from torch.nn import functional

_DTYPES = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.UINT8: torch.uint8,
}

#: Attributes that nothing below reads, with the one value under which they change nothing.
_NEUTRAL = {'auto_pad': b'NOTSET', 'ceil_mode': 0, 'select_last_index': 0, 'storage_order': 0}


class UnsupportedGraphError(NotImplementedError):
    """A graph that is not of the form that `unet-seg export` writes."""


class Call(NamedTuple):
    """
    One call of a torch function.

    Attributes
    ----------
    function : callable
        Takes tensors and the options.
    options : mapping
        Its keyword arguments.
    num_tensors : int, optional
        How many of the node's inputs are its tensors; the others became options. None for all.

    """

    function: Callable[..., Tensor]
    options: Mapping[str, Any] = {}
    num_tensors: int | None = None


class OnnxNode:
    """
    An ONNX node as its translation reads it; each attribute is read once.

    What it cannot give raises `UnsupportedGraphError`.

    Parameters
    ----------
    node : onnx.NodeProto
        The node.
    constants : mapping
        The graph's constants by name.

    """

    def __init__(self, node: onnx.NodeProto, constants: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the attributes down."""
        self.name = node.op_type
        self._inputs = node.input
        self._constants = constants
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def take(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute, or the default where the node has none."""
        return self._attributes.pop(attribute, default)

    def padding(self) -> list[int]:
        """Return the padding of rows and columns [px], the same before and after."""
        pads = self.take('pads', [0, 0, 0, 0])
        before, after = pads[:2], pads[2:]
        if before != after:
            raise self.refusal(f'pads {pads}')
        return list(before)

    def constant(self, index: int) -> npt.NDArray[Any]:
        """Return an input that is known as the graph is read."""
        name = self._inputs[index] if index < len(self._inputs) else ''
        if name not in self._constants:
            raise self.refusal(f'no constant as input {index}')
        return self._constants[name]

    def integers(self, index: int, default: Sequence[int] | None = None) -> list[int]:
        """Return such an input as integers, or the default where the node has none."""
        if default is not None and index >= len(self._inputs):
            return list(default)
        return [int(value) for value in self.constant(index)]

    def refusal(self, what: str) -> UnsupportedGraphError:
        """Return the error that says what of the node is not supported."""
        return UnsupportedGraphError(f'operator {self.name} with {what} is not supported')

    def refuse_unread(self) -> None:
        """Refuse attributes that nobody read, unless they change nothing."""
        for attribute, value in self._attributes.items():
            if attribute not in _NEUTRAL or value != _NEUTRAL[attribute]:
                raise self.refusal(f'{attribute} = {value!r}')


def _concatenate(*tensors: Tensor, dim: int) -> Tensor:
    return torch.cat(tensors, dim)


def _cast(x: Tensor, *, dtype: torch.dtype) -> Tensor:
    return x.to(dtype)


def _slice(x: Tensor, *, index: tuple[slice, ...]) -> Tensor:
    return x[index]


def _quantize(x: Tensor, scale: Tensor) -> Tensor:
    # Divided, not multiplied by a reciprocal as torch's own fake quantization does: a value in the
    # middle between two steps would then fall on either.
    return (x / scale).round().clamp(-128, 127).to(torch.int8)


def _dequantize(x: Tensor, scale: Tensor, *, axis: int) -> Tensor:
    if scale.ndim:
        scale = scale.reshape([-1 if dim == axis else 1 for dim in range(x.ndim)])
    return x.to(scale.dtype) * scale


def _translate_cast(node: OnnxNode) -> Call:
    to = node.take('to')
    if to not in _DTYPES:
        raise node.refusal(f'to = {to}')
    return Call(_cast, {'dtype': _DTYPES[to]})


def _window(node: OnnxNode) -> dict[str, Any]:
    """Return the options that convolutions and poolings share."""
    return {
        'stride': node.take('strides', [1, 1]),
        'padding': node.padding(),
        'dilation': node.take('dilations', [1, 1]),
    }


def _translate_convolution(node: OnnxNode) -> Call:
    node.take('kernel_shape')  # The weights have it.
    return Call(functional.conv2d, {**_window(node), 'groups': node.take('group', 1)})


def _translate_transposed_convolution(node: OnnxNode) -> Call:
    node.take('kernel_shape')  # The weights have it.
    options = {
        'groups': node.take('group', 1),
        'output_padding': node.take('output_padding', [0, 0]),
    }
    return Call(functional.conv_transpose2d, {**_window(node), **options})


def _translate_pooling(node: OnnxNode) -> Call:
    return Call(torch.max_pool2d, {'kernel_size': node.take('kernel_shape'), **_window(node)})


def _translate_slice(node: OnnxNode) -> Call:
    starts, ends = node.integers(1), node.integers(2)
    axes = node.integers(3, range(len(starts)))
    steps = node.integers(4, [1] * len(starts))
    if min(axes + steps) < 0:
        raise node.refusal(f'axes {axes} and steps {steps}')
    index = [slice(None)] * (max(axes) + 1)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = slice(start, end, step)
    return Call(_slice, {'index': tuple(index)}, 1)


def _translate_reshape(node: OnnxNode) -> Call:
    shape = node.integers(1)
    if 0 in shape:
        raise node.refusal(f'shape {shape}')
    return Call(torch.reshape, {'shape': shape}, 1)


def _translate_unsqueeze(node: OnnxNode) -> Call:
    axes = node.integers(1)
    if len(axes) != 1:
        raise node.refusal(f'axes {axes}')
    return Call(torch.unsqueeze, {'dim': axes[0]}, 1)


def _translate_maximum(node: OnnxNode) -> Call:
    options = {'dim': node.integers(1), 'keepdim': bool(node.take('keepdims', 1))}
    return Call(torch.amax, options, 1)


def _translate_argmax(node: OnnxNode) -> Call:
    options = {'dim': node.take('axis', 0), 'keepdim': bool(node.take('keepdims', 1))}
    return Call(torch.argmax, options)


def _refuse_asymmetric(node: OnnxNode) -> None:
    zero_point = node.constant(2)
    if zero_point.dtype != np.int8 or zero_point.any():
        raise node.refusal('a zero point that is not 0 in int8')


def _translate_quantize(node: OnnxNode) -> Call:
    _refuse_asymmetric(node)
    if node.constant(1).ndim:
        raise node.refusal('more than one scale')
    return Call(_quantize, num_tensors=2)


def _translate_dequantize(node: OnnxNode) -> Call:
    _refuse_asymmetric(node)
    return Call(_dequantize, {'axis': node.take('axis', 1)}, 2)


#: From an operator's name to what reads a node of it.
TRANSLATIONS: Mapping[str, Callable[[OnnxNode], Call]] = {
    'Add': lambda node: Call(operator.add),
    'ArgMax': _translate_argmax,
    'Cast': _translate_cast,
    'Clip': lambda node: Call(torch.clamp),
    'Concat': lambda node: Call(_concatenate, {'dim': node.take('axis')}),
    'Conv': _translate_convolution,
    'ConvTranspose': _translate_transposed_convolution,
    'DequantizeLinear': _translate_dequantize,
    'Div': lambda node: Call(operator.truediv),
    'Floor': lambda node: Call(torch.floor),
    'MaxPool': _translate_pooling,
    'Mul': lambda node: Call(operator.mul),
    'QuantizeLinear': _translate_quantize,
    'ReduceMax': _translate_maximum,
    'Relu': lambda node: Call(torch.relu),
    'Reshape': _translate_reshape,
    'Slice': _translate_slice,
    'Softmax': lambda node: Call(torch.softmax, {'dim': node.take('axis', -1)}),
    'Squeeze': lambda node: Call(torch.squeeze, {'dim': tuple(node.integers(1))}, 1),
    'Sub': lambda node: Call(operator.sub),
    'Transpose': lambda node: Call(torch.permute, {'dims': node.take('perm')}),
    'Unsqueeze': _translate_unsqueeze,
}
