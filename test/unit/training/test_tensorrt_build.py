"""TensorRT's own builder takes each model file; it needs no GPU for that."""

from __future__ import annotations

from collections import Counter

import onnx
import pytest
from support.street_network import PRECISIONS, write_model_files

from unet_seg_ros.training.recipe import NetworkSpec

pytestmark = pytest.mark.training

trt = pytest.importorskip(
    'tensorrt_rtx_bindings',
    reason="TensorRT-RTX is not here: pip install '.[tensorrt-rtx]' (Linux)",
)


class _Messages(trt.ILogger):
    """Keeps what TensorRT says of warnings and errors; its logger is one for the process."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.said: list[str] = []

    def log(self, severity, message: str) -> None:
        if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
            self.said.append(message)


MESSAGES = _Messages()


def _parse(path):
    """Return builder and network of a model file; what the parser holds against it fails."""
    builder = trt.Builder(MESSAGES)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, MESSAGES)
    is_parsed = parser.parse(path.read_bytes())
    errors = [str(parser.get_error(i)) for i in range(parser.num_errors)]
    assert is_parsed, errors
    assert not errors
    # The network's weights are the parser's.
    return builder, network, parser


def _build(path) -> int:
    """Build an engine for one or two images; return its size [B]."""
    MESSAGES.said.clear()
    builder, network, parser = _parse(path)
    assert network.num_inputs == 1
    batch, *rest = network.get_input(0).shape
    assert batch == -1
    profile = builder.create_optimization_profile()
    profile.set_shape('image', (1, *rest), (1, *rest), (2, *rest))
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    assert plan is not None, MESSAGES.said
    assert not MESSAGES.said
    del parser
    return plan.nbytes


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
def test_each_precision_builds(files, precision):
    _, paths = files
    assert _build(paths[precision]) > 10_000


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


def test_the_shipped_model_builds(shipped_model):
    assert _build(shipped_model) > 1_000_000


def test_what_tensorrt_does_not_know_fails(files, tmp_path):
    _, paths = files
    model = onnx.load(paths['fp32'])
    next(n for n in model.graph.node if n.op_type == 'Softmax').op_type = 'Magic'
    onnx.save(model, tmp_path / 'magic.onnx')
    with pytest.raises(AssertionError, match='Magic'):
        _build(tmp_path / 'magic.onnx')
