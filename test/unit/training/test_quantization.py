from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from support.engines import CPU_ENGINES
from support.street_network import street, street_frames, trained_network, write_model_files

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.training import quantization
from unet_seg_ros.training.graph import fold_batch_norms
from unet_seg_ros.training.quantization import calibration_images, with_unit_joins
from unet_seg_ros.training.recipe import NetworkSpec

pytestmark = pytest.mark.training

SPEC = NetworkSpec(base_channels=4, depth=2)


@pytest.fixture(scope='module')
def trained():
    return trained_network(SPEC)


@pytest.fixture(scope='module')
def int8(tmp_path_factory) -> onnx.ModelProto:
    return onnx.load(write_model_files(SPEC, tmp_path_factory.mktemp('models'))['int8'])


def _initializers(model) -> dict[str, np.ndarray]:
    return {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}


def test_every_layer_of_the_network_reads_int8(int8):
    made_by = {output: node for node in int8.graph.node for output in node.output}
    layers = [
        node
        for node in int8.graph.node
        if node.op_type in ('Conv', 'ConvTranspose', 'MaxPool', 'Concat')
        and 'membership' not in node.input
    ]
    # Ten 3x3 convolutions and the head, two up, two poolings, two concatenations.
    assert len(layers) == 11 + 2 + 2 + 2
    for layer in layers:
        num_tensors = 2 if layer.op_type != 'MaxPool' else 1
        for name in layer.input[:num_tensors]:
            assert made_by[name].op_type == 'DequantizeLinear', (layer.op_type, name)


def test_it_is_signed_symmetric_and_per_channel_and_biases_are_float(int8):
    values = _initializers(int8)
    quantized = [n for n in int8.graph.node if n.op_type in ('QuantizeLinear', 'DequantizeLinear')]
    for node in quantized:
        zero = values[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
    weights = [n for n in quantized if n.input[0] in values]
    assert len(weights) == 13
    for node in weights:
        axis = next(a.i for a in node.attribute if a.name == 'axis')
        shape = values[node.input[0]].shape
        assert values[node.input[1]].shape == (shape[axis],)
    biases = [
        node.input[2]
        for node in int8.graph.node
        if node.op_type in ('Conv', 'ConvTranspose') and len(node.input) == 3
    ]
    assert len(biases) == 13
    assert all(values[name].dtype == np.float32 for name in biases)


def test_a_relu_follows_its_convolution_unrounded(int8):
    made_by = {output: node.op_type for node in int8.graph.node for output in node.output}
    relus = [node for node in int8.graph.node if node.op_type == 'Relu']
    assert len(relus) == 10
    assert {made_by[node.input[0]] for node in relus} == {'Conv'}


def test_what_is_concatenated_fills_the_range_of_int8_at_scale_1(int8):
    values = _initializers(int8)
    made_by = {output: node for node in int8.graph.node for output in node.output}
    read_by = {name: node for node in int8.graph.node for name in node.input}
    joins = [node for node in int8.graph.node if node.op_type == 'Concat']
    assert len(joins) == 2
    for node in joins:
        around = [*(made_by[name] for name in node.input), read_by[node.output[0]]]
        assert [values[n.input[1]] for n in around] == [1.0, 1.0, 1.0]
    told = onnx.ModelProto.FromString(int8.SerializeToString())
    for node in joins:
        told.graph.output.add(name=node.output[0])
    session = onnxruntime.InferenceSession(told.SerializeToString())
    for joined in session.run([n.output[0] for n in joins], {'image': street(1000)[0][None]}):
        assert 100 < np.abs(joined).max() <= 128


@pytest.mark.parametrize('skips', [True, False])
@pytest.mark.parametrize('batch_norm', [True, False])
def test_unit_joins_change_no_logit(batch_norm, skips):
    spec = NetworkSpec(base_channels=4, depth=3, batch_norm=batch_norm, skips=skips)
    network = fold_batch_norms(trained_network(spec, num_steps=2).network)
    images = [street(0)[0]]
    balanced = with_unit_joins(network, images)
    batch = torch.from_numpy(np.stack(images))
    joined = []
    for step in balanced.unet.up:
        step.convolutions.register_forward_pre_hook(lambda _, x: joined.append(x[0]))
    with torch.inference_mode():
        expected, logits = network(batch), balanced(batch)
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4)
    if skips:
        # All but the 0.01 % that is clipped.
        assert len(joined) == 3
        for values in joined:
            assert values.abs().max() >= 126.99
            assert (values.abs() > 127.01).float().mean() <= 1e-4


def test_engines_agree_on_concatenated_int8(int8, tmp_path):
    """OpenVINO rounds what it concatenates wrongly, unless its scale is 1."""
    path = tmp_path / 'int8.onnx'
    onnx.save(int8, path)
    batches = [street(seed)[0][np.newaxis] for seed in range(8)]
    found = []
    for name in CPU_ENGINES:
        with open_backend(path, name, EngineOptions(precision='fp32')) as backend:
            found.append(np.stack([backend.infer(b).group_probability for b in batches]))
    assert np.abs(found[0].astype(int) - found[1]).mean() < 0.5


def test_images_are_even_and_few_and_of_full_batches(trained, monkeypatch):
    sources = [street_frames(trained.recipe, range(30)), street_frames(trained.recipe, [50])]
    assert len(calibration_images(sources, NetworkInput(ImageSize(48, 96)))) == 24
    assert len(calibration_images(sources[1:], NetworkInput(ImageSize(48, 96)))) == 1
    monkeypatch.setattr(quantization, '_MAX_IMAGES', 4)
    images = calibration_images(sources, NetworkInput(ImageSize(48, 96)))
    for image, seed in zip(images, (0, 10, 20, 50), strict=True):
        np.testing.assert_array_equal(image, street(seed)[0])
    assert calibration_images(sources, NetworkInput(ImageSize(24, 32)))[0].shape == (24, 32, 3)
