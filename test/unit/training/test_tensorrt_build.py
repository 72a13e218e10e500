"""TensorRT's own builder takes each model file; it needs no GPU for that."""

from __future__ import annotations

from collections import Counter

import pytest
from support.street_network import PRECISIONS, write_model_files

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.inference.tensorrt.build import BuildRequest, build
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS
from unet_seg_ros.training.recipe import NetworkSpec

pytestmark = pytest.mark.training

trt = pytest.importorskip(
    'tensorrt_rtx_bindings',
    reason="TensorRT-RTX is not here: pip install '.[tensorrt-rtx]' (Linux)",
)


LOGGER = trt.Logger(trt.Logger.ERROR)


def _parse(path):
    """Return builder and network of a model file; what the parser holds against it fails."""
    builder = trt.Builder(LOGGER)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, LOGGER)
    is_parsed = parser.parse(path.read_bytes())
    errors = [str(parser.get_error(i)) for i in range(parser.num_errors)]
    assert is_parsed, errors
    assert not errors
    # The network's weights are the parser's.
    return builder, network, parser


def _types(path, kind) -> Counter:
    """Count the data types of what layers of a kind give."""
    _, network, _parser = _parse(path)
    layers = [network.get_layer(i) for i in range(network.num_layers)]
    return Counter(layer.get_output(0).dtype for layer in layers if layer.type == kind)


@pytest.fixture(scope='module', params=[(4, 2), (8, 4)], ids=['4x2', '8x4'])
def files(request, tmp_path_factory):
    """Return the depth of a U-Net, and its file of each precision."""
    base_channels, depth = request.param
    spec = NetworkSpec(base_channels, depth)
    return depth, write_model_files(spec, tmp_path_factory.mktemp('models'))


@pytest.mark.parametrize('precision', PRECISIONS)
def test_each_precision_builds(files, precision, tmp_path):
    _, paths = files
    request = BuildRequest(paths[precision], FLAVOURS['tensorrt_rtx'], max_batch=2)
    assert build(request, tmp_path / 'plan', Watch()).engine_bytes > 10_000


def test_layers_have_the_type_of_the_file(files):
    depth, paths = files
    num_convolutions = 2 * (2 * depth + 1) + 1
    half, single, byte = trt.DataType.HALF, trt.DataType.FLOAT, trt.DataType.INT8
    convolution = trt.LayerType.CONVOLUTION
    # One more in fp32: the sum over groups.
    assert _types(paths['fp32'], convolution) == {single: num_convolutions + 1}
    assert _types(paths['fp16'], convolution) == {half: num_convolutions, single: 1}
    assert _types(paths['fp16'], trt.LayerType.DECONVOLUTION) == {half: depth}
    # What enters the network, what each 3x3 convolution gives, and of each level what is pooled,
    # what comes from below and what they make together.
    num_quantized = 1 + (num_convolutions - 1) + 3 * depth
    assert _types(paths['int8'], trt.LayerType.QUANTIZE) == {byte: num_quantized}


def test_convolutions_of_the_int8_file_read_int8(files):
    depth, paths = files
    _, network, _parser = _parse(paths['int8'])
    layers = [network.get_layer(i) for i in range(network.num_layers)]
    given_by = {
        layer.get_output(i).name: layer for layer in layers for i in range(layer.num_outputs)
    }
    kinds = (trt.LayerType.CONVOLUTION, trt.LayerType.DECONVOLUTION)
    inputs = [given_by[layer.get_input(0).name] for layer in layers if layer.type in kinds]
    read = Counter(layer.type for layer in inputs)
    # All but the sum over groups, which reads the softmax.
    assert read[trt.LayerType.DEQUANTIZE] == 2 * (2 * depth + 1) + 1 + depth
    assert sum(read.values()) == read[trt.LayerType.DEQUANTIZE] + 1
