from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from unet_seg_ros.core.classes import ROAD_CLASSES
from unet_seg_ros.core.contract import PROBABILITY_OFFSET, PROBABILITY_STRIDE, read_contract
from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.inference import open_backend
from unet_seg_ros.training import export as export_module
from unet_seg_ros.training.checkpoint import Trained
from unet_seg_ros.training.export import export
from unet_seg_ros.training.graph import ContractGraph
from unet_seg_ros.training.network import PixelNetwork

pytestmark = pytest.mark.training

DRIVABLE_IDS = ROAD_CLASSES.table.ids_of(ROAD_CLASSES.drivable)


def _network(recipe, seed: int) -> PixelNetwork:
    """Return a network with batch norms that have seen something, as after a training."""
    torch.manual_seed(seed)
    network = PixelNetwork(recipe.network, 4)
    for _ in range(20):
        network(torch.randint(0, 256, (2, *recipe.input, 3), dtype=torch.uint8))
    return network.eval()


@pytest.fixture(scope='module')
def trained(recipe) -> Trained:
    return Trained(_network(recipe, 0), recipe, passes=3, steps=12)


@pytest.fixture(scope='module')
def validation() -> dict:
    """Return two frames of another size than the input, by source."""
    rng = np.random.default_rng(0)
    frames = [
        (
            rng.integers(0, 256, (60, 100, 3), dtype=np.uint8),
            rng.integers(0, 3, (60, 100), dtype=np.uint8),
        )
        for _ in range(2)
    ]
    return {'noise': frames}


@pytest.fixture(scope='module')
def exported(trained, validation, tmp_path_factory):
    """Return the path of a model file."""
    path = tmp_path_factory.mktemp('models') / 'model.onnx'
    export(trained, path, validation, name='other name')
    return path


def test_the_file_says_what_torch_says(trained, exported):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, 48, 96, 3), dtype=np.uint8)
    graph = ContractGraph(trained.network, [DRIVABLE_IDS], 4).eval()
    with torch.inference_mode():
        ids, confidence, drivable = (t.numpy() for t in graph(torch.from_numpy(images)))
    with open_backend(exported, 'onnxruntime', precision='f32') as backend:
        found = backend.infer(images)
    assert len(np.unique(ids)) > 1
    assert (found.class_ids == ids).mean() >= 0.999
    # Rounding to bytes may fall to either side.
    assert np.abs(found.confidence.astype(int) - confidence).max() <= 1
    assert np.abs(found.group_probability.astype(int) - drivable).max() <= 1
    assert drivable.shape == (3, 1, 12, 24)


def test_confidence_and_groups_are_the_softmax_of_every_fourth_pixel(trained):
    images = torch.randint(0, 256, (1, 48, 96, 3), dtype=torch.uint8)
    graph = ContractGraph(trained.network, [DRIVABLE_IDS], 4, temperature=2.0).eval()
    every = slice(PROBABILITY_OFFSET, None, PROBABILITY_STRIDE)
    with torch.inference_mode():
        probability = torch.softmax(trained.network(images) / 2.0, dim=1)[:, :, every, every]
        _, confidence, groups = graph(images)
    # Bytes, but for rounding: the order of sums differs.
    assert (confidence - probability.amax(1) * 255.0).abs().max() <= 0.501
    summed = probability[:, list(DRIVABLE_IDS)].sum(1)
    assert (groups[:, 0] - summed * 255.0).abs().max() <= 0.501


def test_batch_norm_folds_away_and_bytes_come_first(exported):
    operators = [node.op_type for node in onnx.load(exported).graph.node]
    assert 'BatchNormalization' not in operators
    assert operators[:2] == ['Cast', 'Transpose']
    # Two levels: ten 3x3 convolutions, two up, the head, and the sum over groups.
    assert operators.count('Conv') + operators.count('ConvTranspose') == 10 + 2 + 1 + 1


def test_the_contract_tells_sources_licences_and_scores(exported):
    contract = read_contract(exported)
    assert contract.name == 'other name'
    assert contract.training['sources'] == [
        {'name': 'streets', 'licence': 'none needed', 'share': 1.0}
    ]
    assert contract.carla_tags == 23
    assert contract.network == {'base_channels': 4, 'depth': 2, 'batch_norm': True}
    assert {'road', 'drivable'} <= set(contract.scores['noise'])
    assert all(0.0 <= iou <= 1.0 for iou in contract.scores['noise'].values())


def test_a_file_that_disagrees_never_appears(recipe, trained, validation, tmp_path, monkeypatch):
    def convert_another(graph, size):
        del graph
        return convert(ContractGraph(_network(recipe, 1), [DRIVABLE_IDS], 4).eval(), size)

    convert = export_module._to_onnx
    monkeypatch.setattr(export_module, '_to_onnx', convert_another)
    path = tmp_path / 'model.onnx'
    path.write_bytes(b'former')
    with pytest.raises(ModelError, match=r'export refused: .* on \d+\.\d+ % of \d+ pixels'):
        export(trained, path, validation)
    assert [file.name for file in tmp_path.iterdir()] == ['model.onnx']
    assert path.read_bytes() == b'former'


def test_an_export_without_a_frame_to_check_it_on_is_refused(trained, tmp_path):
    with pytest.raises(ModelError, match='no frame to check the export on'):
        export(trained, tmp_path / 'model.onnx', {})
    assert list(tmp_path.iterdir()) == []
