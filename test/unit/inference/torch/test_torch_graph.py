"""What is read of a model file, beside ONNX Runtime, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from unet_seg_ros.core.backend import Prediction
from unet_seg_ros.core.contract import INPUT, METADATA_KEY, OUTPUTS, read_contract
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.resize import resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference.torch_backend import TorchBackend
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, PinholeCamera, still

pytestmark = pytest.mark.training

#: Least share of pixels of ONNX Runtime's class, and by how much probabilities [1/255] may differ
#: in the mean. It has no fp16 on a CPU and computes in fp32; in int8 the last bit of a sum can
#: decide between two steps, and that spreads.
BOUNDS = {'': (0.9999, 0.001), '_fp16': (0.9998, 0.02), '_int8': (0.998, 0.3)}


def rendered(size: ImageSize, num: int = 4) -> np.ndarray:
    camera = PinholeCamera(ImageSize(360, 640))
    images = [still(HELD_OUT_LAYOUTS[0], seed, camera).image for seed in range(num)]
    return np.stack([resize_image(image, size) for image in images])


def literally(path: Path, images: np.ndarray) -> Prediction:
    """Carry out each node as it stands, by ONNX Runtime; fused int8 would round elsewhere."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return Prediction(*session.run(list(OUTPUTS), {INPUT: images}))


@pytest.mark.parametrize('suffix', BOUNDS)
def test_shipped_files_give_what_onnx_runtime_makes_of_their_nodes(shipped_model, suffix):
    path = shipped_model.with_stem(shipped_model.stem + suffix)
    with TorchBackend(path) as backend:
        images = rendered(backend.contract.input_size)
        prediction = backend.infer(images)
    expected = literally(path, images)
    min_agreement, max_difference = BOUNDS[suffix]
    assert (prediction.class_ids == expected.class_ids).mean() >= min_agreement
    for given, reference in (
        (prediction.confidence, expected.confidence),
        (prediction.group_probability, expected.group_probability),
    ):
        assert given.shape == reference.shape
        assert np.abs(given.astype(int) - reference).mean() <= max_difference


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
@pytest.mark.parametrize('skips', [True, False])
def test_so_do_exported_networks_of_other_forms(tmp_path, precision, skips):
    from support.street_network import street, write_model_files

    from unet_seg_ros.training.recipe import NetworkSpec

    spec = NetworkSpec(base_channels=4, depth=2, skips=skips)
    path = write_model_files(spec, tmp_path)[precision]
    images = np.stack([street(seed)[0] for seed in range(900, 904)])
    with TorchBackend(path) as backend:
        class_ids = backend.infer(images).class_ids
    assert (class_ids == literally(path, images).class_ids).mean() >= 0.999


def test_weights_are_scaled_once_and_not_for_every_frame(shipped_model):
    import torch

    from unet_seg_ros.inference.torch_graph import load_graph

    graph = load_graph(shipped_model.with_stem(f'{shipped_model.stem}_int8'))
    assert {buffer.dtype for buffer in graph.buffers()} == {torch.float32}
    dequantized = [n for n in graph.graph.nodes if 'dequantize' in n.name]
    assert dequantized
    assert {n.args[0].op for n in dequantized} == {'call_function'}


def test_several_groups_come_in_the_order_of_the_contract(shipped_model, tmp_path):
    model, contract = onnx.load(shipped_model), read_contract(shipped_model)
    groups = {**contract.groups, 'first': contract.table.names[:1]}
    helper.set_model_props(
        model, {METADATA_KEY: dataclasses.replace(contract, groups=groups).to_json()}
    )
    membership = next(i for i in model.graph.initializer if i.name.endswith('membership'))
    rows = np.repeat(numpy_helper.to_array(membership), 2, axis=0)
    rows[1] = 0
    rows[1, 0] = 1
    membership.CopyFrom(numpy_helper.from_array(rows, membership.name))
    output = next(o for o in model.graph.output if o.name == 'group_probability')
    output.type.tensor_type.shape.dim[1].dim_value = 2
    del model.graph.value_info[:]  # They tell the shapes of one group.
    path = tmp_path / 'two_groups.onnx'
    onnx.save(model, path)
    with TorchBackend(path) as backend:
        images = rendered(backend.contract.input_size, num=2)
        given = backend.infer(images).group_probability
    np.testing.assert_array_equal(given, literally(path, images).group_probability)
    assert (given[:, 0] != given[:, 1]).any()
    assert given.flags.c_contiguous


def set_attribute(operator: str, name: str, value):
    def change(model: onnx.ModelProto) -> None:
        node = next(n for n in model.graph.node if n.op_type == operator)
        kept = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


def set_input(operator: str, index: int, value: np.ndarray):
    def change(model: onnx.ModelProto) -> None:
        node = next(n for n in model.graph.node if n.op_type == operator)
        model.graph.initializer.append(numpy_helper.from_array(value, 'changed'))
        node.input[index] = 'changed'

    return change


def rename(operator: str, **fields: str):
    def change(model: onnx.ModelProto) -> None:
        node = next(n for n in model.graph.node if n.op_type == operator)
        for field, value in fields.items():
            setattr(node, field, value)

    return change


def lead_nowhere(model: onnx.ModelProto) -> None:
    next(n for n in model.graph.node if n.op_type == 'Conv').input[0] = 'nowhere'


def rescale_by_the_image(model: onnx.ModelProto) -> None:
    next(n for n in model.graph.node if n.op_type == 'QuantizeLinear').input[1] = INPUT


def leave_zero_point_to_onnx(model: onnx.ModelProto) -> None:
    # Which then means uint8.
    next(n for n in model.graph.node if n.op_type == 'QuantizeLinear').input.pop()


def ask_for_indices(model: onnx.ModelProto) -> None:
    next(n for n in model.graph.node if n.op_type == 'MaxPool').output.append('indices')


def lower_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 17


CHANGES = {
    'operator Sigmoid is not supported': rename('Relu', op_type='Sigmoid'),
    'operator Relu is not supported': rename('Relu', domain='com.example'),
    r'operator Conv with pads \[1, 1, 0, 1\]': set_attribute('Conv', 'pads', [1, 1, 0, 1]),
    "operator Conv with auto_pad = b'VALID'": set_attribute('Conv', 'auto_pad', 'VALID'),
    'operator MaxPool with ceil_mode = 1': set_attribute('MaxPool', 'ceil_mode', 1),
    'operator Cast with to = 11': set_attribute('Cast', 'to', onnx.TensorProto.DOUBLE),
    r'operator Slice with axes \[2\] and steps \[-1\]': set_input('Slice', 4, np.array([-1])),
    'operator QuantizeLinear with a zero point': set_input(
        'QuantizeLinear', 2, np.array(3, np.int8)
    ),
    'operator DequantizeLinear with a zero point': set_input(
        'DequantizeLinear', 2, np.array(0, np.uint8)
    ),
    'operator QuantizeLinear with more than one scale': set_input(
        'QuantizeLinear', 1, np.ones(3, np.float32)
    ),
    'operator QuantizeLinear with no constant as input 1': rescale_by_the_image,
    'operator QuantizeLinear with no constant as input 2': leave_zero_point_to_onnx,
    'operator MaxPool with 2 outputs': ask_for_indices,
    r"opset \{'': 17\}": lower_opset,
    'nowhere': lead_nowhere,
}


@pytest.mark.parametrize('said', CHANGES)
def test_what_it_does_not_know_is_refused_by_name_in_one_line(shipped_model, tmp_path, said):
    model = onnx.load(shipped_model.with_stem(f'{shipped_model.stem}_int8'))
    CHANGES[said](model)
    path = tmp_path / 'changed.onnx'
    onnx.save(model, path)
    with pytest.raises(
        EngineError, match=rf'^backend torch: refuses .*changed\.onnx: .*{said}'
    ) as e:
        TorchBackend(path).__enter__()
    assert '\n' not in str(e.value)
