"""Model files of each precision: what they say, and that none appears that says otherwise."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import onnx
import pytest
import torch
from support.engines import CPU_ENGINES
from support.street_network import (
    PRECISIONS,
    street,
    street_frames,
    trained_network,
    write_model_files,
)

from unet_seg_ros.cli.main import main
from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.contract import PROBABILITY_OFFSET, PROBABILITY_STRIDE, read_contract
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.inference import open_backend
from unet_seg_ros.training import agreement, checkpoint
from unet_seg_ros.training import export as export_module
from unet_seg_ros.training import frames as frames_module
from unet_seg_ros.training.checkpoint import Trained
from unet_seg_ros.training.export import export
from unet_seg_ros.training.graph import ContractGraph, fold_batch_norms, in_half_precision
from unet_seg_ros.training.recipe import NetworkSpec

pytestmark = pytest.mark.training

SPEC = NetworkSpec(base_channels=4, depth=2)

DRIVABLE_IDS = ROAD_CLASSES.table.ids_of(ROAD_CLASSES.drivable)
IMAGES = np.stack([street(seed)[0] for seed in range(3)])


@pytest.fixture(scope='module')
def trained() -> Trained:
    return trained_network(SPEC)


@pytest.fixture(scope='module')
def validation(trained) -> dict:
    return {'streets': street_frames(trained.recipe, range(1000, 1003))}


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Return the path of a model file of each precision."""
    return write_model_files(SPEC, tmp_path_factory.mktemp('models'))


def _graph(network, temperature: float = 1.0) -> ContractGraph:
    return ContractGraph(network, [DRIVABLE_IDS], 4, temperature).eval()


#: Least share of equal classes, and the most that bytes of probability may be apart on average.
NEAR = {'fp32': (0.999, 0.01), 'fp16': (0.998, 0.1), 'int8': (0.98, 3.0)}


@pytest.mark.parametrize('engine', CPU_ENGINES)
@pytest.mark.parametrize('precision', PRECISIONS)
def test_a_file_says_what_torch_says(trained, files, precision, engine):
    graph = _graph(trained.network, read_contract(files[precision]).temperature)
    with torch.inference_mode():
        ids, confidence, drivable = (t.numpy() for t in graph(torch.from_numpy(IMAGES)))
    with open_backend(files[precision], engine, EngineOptions(precision='fp32')) as backend:
        found = backend.infer(IMAGES)
    least, apart = NEAR[precision]
    assert len(np.unique(ids)) > 2
    assert (found.class_ids == ids).mean() >= least
    assert np.abs(found.confidence.astype(int) - confidence).mean() <= apart
    assert np.abs(found.group_probability.astype(int) - drivable).mean() <= apart
    assert drivable.shape == (3, 1, 12, 24)


def test_confidence_and_groups_are_the_softmax_of_every_fourth_pixel(trained):
    images = torch.from_numpy(IMAGES[:1])
    graph = _graph(trained.network, temperature=2.0)
    every = slice(PROBABILITY_OFFSET, None, PROBABILITY_STRIDE)
    with torch.inference_mode():
        probability = torch.softmax(trained.network(images) / 2.0, dim=1)[:, :, every, every]
        _, confidence, groups = graph(images)
    # Bytes, but for rounding: the order of sums differs.
    assert (confidence - probability.amax(1) * 255.0).abs().max() <= 0.501
    summed = probability[:, list(DRIVABLE_IDS)].sum(1)
    assert (groups[:, 0] - summed * 255.0).abs().max() <= 0.501


@pytest.mark.parametrize('precision', PRECISIONS)
def test_batch_norm_folds_away_and_bytes_come_first(files, precision):
    operators = [node.op_type for node in onnx.load(files[precision]).graph.node]
    assert 'BatchNormalization' not in operators
    network = [o for o in operators if o not in ('QuantizeLinear', 'DequantizeLinear')]
    assert network[:2] == ['Cast', 'Transpose']
    # Two levels: ten 3x3 convolutions, two up, the head, and the sum over groups.
    assert operators.count('Conv') + operators.count('ConvTranspose') == 10 + 2 + 1 + 1


def test_folding_changes_no_logit_and_leaves_the_network_as_it_is(trained):
    before = copy.deepcopy(trained.network.state_dict())
    folded = fold_batch_norms(trained.network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        logits = [network(torch.from_numpy(IMAGES)) for network in (trained.network, folded)]
    torch.testing.assert_close(*logits, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(trained.network.state_dict(), before, rtol=0, atol=0)


def test_fp16_is_in_the_u_net_alone(trained, files):
    model = onnx.load(files['fp16'])
    half = onnx.TensorProto.FLOAT16
    weights = [i for i in model.graph.initializer if i.name.endswith(('weight', 'bias'))]
    assert len(weights) == 2 * 13
    assert {i.data_type for i in weights} == {half}
    casts = [
        attribute.i for n in model.graph.node if n.op_type == 'Cast' for attribute in n.attribute
    ]
    # Bytes to fp32, into the U-Net and out of it; then the ids by way of fp32, and two outputs.
    fp32, byte = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    assert casts == [fp32, half, fp32, fp32, byte, byte, byte]
    network = in_half_precision(fold_batch_norms(trained.network))
    assert network(torch.from_numpy(IMAGES)).dtype == torch.float32
    assert next(trained.network.parameters()).dtype == torch.float32


def test_the_contract_tells_sources_licences_scores_and_the_check(files):
    for precision, path in files.items():
        contract = read_contract(path)
        assert contract.precision == precision
        (source,) = contract.training['sources']
        assert source['name'] == 'streets'
        assert source['licence'] == 'none needed'
        assert contract.carla_tags == 23
        assert contract.network['depth'] == 2
        assert {'road', 'drivable'} <= set(contract.scores['streets'])
        assert all(0.0 <= iou <= 1.0 for iou in contract.scores['streets'].values())
        check = contract.check['streets']
        assert agreement.MIN_AGREEMENT[precision] <= check['agreement'] <= 1.0
        names = contract.table.names
        mean = np.mean([contract.scores['streets'][name] for name in names])
        assert check['mean_iou'] == pytest.approx(mean, abs=1e-4)
        assert check['torch_mean_iou'] == pytest.approx(mean, abs=0.01)


def test_a_name_may_be_given(trained, validation, tmp_path):
    path = tmp_path / 'new' / 'model.onnx'
    told = export(trained, {'fp32': path}, validation, name='other name')
    assert read_contract(path) == told['fp32']
    assert told['fp32'].name == 'other name'


def _refuse(trained, validation, precision, folder, match) -> None:
    path = folder / 'model.onnx'
    path.write_bytes(b'former')
    with pytest.raises(ModelError, match=match) as error:
        export(trained, {precision: path}, validation)
    assert '\n' not in str(error.value)
    assert [file.name for file in folder.iterdir()] == ['model.onnx']
    assert path.read_bytes() == b'former'


@pytest.mark.parametrize('precision', PRECISIONS)
def test_a_file_that_disagrees_never_appears(
    trained, validation, tmp_path, monkeypatch, precision
):
    def convert_another(graph, size):
        del graph
        return convert(_graph(other.network), size)

    convert = export_module.to_onnx
    other = trained_network(SPEC, num_steps=1)
    monkeypatch.setattr(export_module, 'to_onnx', convert_another)
    words = rf'export refused: on streets the {precision} file gives the class .* on \d+\.\d+ %'
    _refuse(trained, validation, precision, tmp_path, words)


def test_a_network_that_fp16_cannot_hold_is_refused(trained, validation, tmp_path):
    # Equal in fp32; but between two of its layers are numbers above fp16's largest, 65504.
    network = fold_batch_norms(trained.network)
    first, second = [m for m in network.unet.down[0].modules() if isinstance(m, torch.nn.Conv2d)]
    for parameter in first.parameters():
        parameter.data *= 1e6
    second.weight.data /= 1e6
    large = dataclasses.replace(trained, network=network)
    export(large, {'fp32': tmp_path / 'fp32.onnx'}, validation)
    (tmp_path / 'fp32.onnx').unlink()
    _refuse(large, validation, 'fp16', tmp_path, 'the fp16 file gives the class')


def test_a_file_whose_iou_falls_is_refused(trained, validation, tmp_path, monkeypatch):
    monkeypatch.setitem(agreement.MAX_IOU_LOSS, 'int8', -0.5)
    words = r'mean IoU of the int8 file is 0\.\d{4}, below the 0\.\d{4} of torch by more than'
    _refuse(trained, validation, 'int8', tmp_path, words)


def test_files_before_the_refused_one_stay(trained, validation, tmp_path, monkeypatch):
    monkeypatch.setitem(agreement.MIN_AGREEMENT, 'fp16', 1.1)
    paths = {precision: tmp_path / f'{precision}.onnx' for precision in PRECISIONS}
    with pytest.raises(ModelError, match='the fp16 file'):
        export(trained, paths, validation)
    assert [file.name for file in tmp_path.iterdir()] == ['fp32.onnx']


def test_an_export_without_a_frame_to_check_it_on_is_refused(trained, tmp_path):
    for validation in ({}, {'streets': street_frames(trained.recipe, [])}):
        with pytest.raises(ModelError, match='no frame to check it on'):
            export(trained, {'fp32': tmp_path / 'model.onnx'}, validation)
    assert list(tmp_path.iterdir()) == []


def test_the_verb_writes_all_three_on_request(trained, tmp_path, monkeypatch, capsys):
    frames = street_frames(trained.recipe, range(1000, 1003))
    monkeypatch.setattr(checkpoint, 'load_checkpoint', lambda _: trained)
    monkeypatch.setattr(frames_module, 'load_source', lambda *_: frames)
    output = tmp_path / 'tiny.onnx'
    arguments = ['export', '--checkpoint=best.ckpt', f'--output={output}']
    assert main([*arguments, '--precision=all']) == 0
    names = {'tiny.onnx': 'fp32', 'tiny_fp16.onnx': 'fp16', 'tiny_int8.onnx': 'int8'}
    assert {p.name: read_contract(p).precision for p in tmp_path.iterdir()} == names
    told = capsys.readouterr().out
    for name, precision in names.items():
        assert f'{name}: tiny, input 96x48, {precision}\n  streets: other ' in told
    output.unlink()
    assert main([*arguments, '--precision=fp16']) == 0
    assert read_contract(output).precision == 'fp16'


class _Doubtful:
    """Streets of which one label in five is drawn by lot, so that nothing can be quite sure."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image, tags = street(index)
        rng = np.random.default_rng(index)
        drawn = rng.choice(np.array([0, 6, 7, 8], np.uint8), tags.shape)
        return image, np.where(rng.random(tags.shape) < 0.2, drawn, tags)


def test_overconfidence_is_taken_back(trained, tmp_path):
    """Logits three times too large become what they were, by a temperature in the graph."""
    frames = street_frames(trained.recipe, range(4))
    validation = {'streets': dataclasses.replace(frames, recording=_Doubtful())}
    boastful = copy.deepcopy(trained)
    for parameter in boastful.network.unet.head.parameters():
        parameter.data *= 3.0
    first, second = (
        export(t, {'fp32': tmp_path / f'{i}.onnx'}, validation)['fp32'].temperature
        for i, t in enumerate((trained, boastful))
    )
    assert second == pytest.approx(3.0 * first, rel=0.01)
    assert read_contract(tmp_path / '1.onnx').temperature == second
    images = np.stack([frames[i][0] for i in range(4)])
    confidence = []
    for i in range(2):
        with open_backend(
            tmp_path / f'{i}.onnx', 'onnxruntime', EngineOptions(precision='fp32')
        ) as backend:
            confidence.append(backend.infer(images).confidence.astype(int))
    assert np.abs(confidence[0] - confidence[1]).max() <= 1
