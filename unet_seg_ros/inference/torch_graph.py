"""
A model file as a torch module: each ONNX node becomes one call in a torch.fx graph.

It knows the opset that `unet-seg export` writes, and the operators of `torch_operators`.
onnx2torch, the one converter from ONNX to torch, was no choice: it has no quantized operators and
no opset 18, needs torchvision, and stands still since August 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, numpy_helper
from torch import fx, nn

from unet_seg_ros.core.contract import INPUT, OUTPUTS
from unet_seg_ros.core.errors import one_line
from unet_seg_ros.inference.torch_operators import (
    TRANSLATIONS,
    Call,
    OnnxNode,
    UnsupportedGraphError,
)

_OPSET = 18


def load_graph(path: Path) -> fx.GraphModule:
    """
    Read a model file as a torch module, on the CPU.

    Parameters
    ----------
    path : Path
        A model file that keeps the contract.

    Returns
    -------
    fx.GraphModule
        Takes ``image`` uint8 [N, H, W, 3] and returns class ids, confidence and group probability
        as the contract has them. It computes in the types of the file; what is constant in it,
        such as the scaling of int8 weights, was computed when it was read.

    Raises
    ------
    UnsupportedGraphError
        If the file has another opset, or a node that is not known or not valid.

    """
    model = onnx.load(path)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets != {'': _OPSET}:
        raise UnsupportedGraphError(f'opset {opsets}; write the file with `unet-seg export`')
    reader = _Reader(model.graph.initializer)
    # Before the check below, which has many words for an operator that it does not know.
    calls = [(node, reader.translate(node)) for node in model.graph.node]
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as e:
        raise UnsupportedGraphError(one_line(e)) from e
    for node, call in calls:
        reader.add(node, call)
    return reader.finish()


class _Reader:
    """Makes the fx graph, node by node in their order."""

    def __init__(self, initializers: Sequence[TensorProto]) -> None:
        self._arrays = {i.name: numpy_helper.to_array(i) for i in initializers}
        self._constants = {name: torch.tensor(array) for name, array in self._arrays.items()}
        self._root = nn.Module()
        self._graph = fx.Graph()
        self._values = {INPUT: self._graph.placeholder(INPUT)}

    def translate(self, node: onnx.NodeProto) -> Call:
        if node.domain or node.op_type not in TRANSLATIONS:
            raise UnsupportedGraphError(f'operator {node.op_type} is not supported')
        read = OnnxNode(node, self._arrays)
        if len(node.output) != 1:
            raise read.refusal(f'{len(node.output)} outputs')
        call = TRANSLATIONS[node.op_type](read)
        read.refuse_unread()
        return call

    def add(self, node: onnx.NodeProto, call: Call) -> None:
        inputs = node.input[: call.num_tensors]
        (output,) = node.output
        if all(name in self._constants for name in inputs):
            tensors = [self._constants[name] for name in inputs]
            self._constants[output] = call.function(*tensors, **call.options)
        else:
            values = tuple(self._value(name) for name in inputs)
            self._values[output] = self._graph.call_function(
                call.function, values, dict(call.options)
            )

    def _value(self, name: str) -> fx.Node | None:
        if not name:
            return None
        if name not in self._values:
            constant, buffer = self._constants[name], f'constant_{len(self._values)}'
            if constant.ndim == 4:
                # As the image comes, and faster.
                constant = constant.contiguous(memory_format=torch.channels_last)
            self._root.register_buffer(buffer, constant)
            self._values[name] = self._graph.get_attr(buffer)
        return self._values[name]

    def finish(self) -> fx.GraphModule:
        self._graph.output(tuple(self._value(name) for name in OUTPUTS))
        return fx.GraphModule(self._root, self._graph)
