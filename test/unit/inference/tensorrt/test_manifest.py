"""What an engine depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.flavours import Flavour
from unet_seg_ros.inference.tensorrt.manifest import dependencies_of
from unet_seg_ros.inference.tensorrt.probe import Gpu

GPU = Gpu(0, 'Orin', (8, 7), 32 << 30, 12060, '540.4')


@pytest.fixture
def tied(tmp_path, monkeypatch) -> Flavour:
    """Return a stand-in for TensorRT, which is not here: a module that has a version."""
    (tmp_path / 'stand_in_trt').mkdir()
    (tmp_path / 'stand_in_trt' / '__init__.py').write_text('__version__ = "10.3.0"')
    monkeypatch.syspath_prepend(tmp_path)
    return Flavour('tensorrt', ('stand_in_trt',), '')


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        ({'name': 'Thor'}, 'gpu was Orin, is Thor'),
        ({'compute_capability': (11, 0)}, 'compute_capability was 8.7, is 11.0'),
        ({'cuda': 13000}, 'cuda was 12060, is 13000'),
    ],
)
def test_an_engine_of_tensorrt_is_tied_to_its_gpu(tied, known_model, change, told):
    here = dependencies_of(BuildRequest(known_model, tied, 1, GPU))
    there = dependencies_of(BuildRequest(known_model, tied, 1, replace(GPU, **change)))
    assert there.differences(here) == [told]
    assert there.key != here.key


@pytest.mark.parametrize('change', [{'index': 1}, {'memory_bytes': 1}, {'driver': '550'}])
def test_what_does_not_change_the_engine(tied, known_model, change):
    here = dependencies_of(BuildRequest(known_model, tied, 1, GPU))
    assert dependencies_of(BuildRequest(known_model, tied, 1, replace(GPU, **change))) == here


def test_a_portable_engine_is_the_same_for_every_gpu(rtx, known_model):
    without = dependencies_of(BuildRequest(known_model, rtx, 1))
    assert dependencies_of(BuildRequest(known_model, rtx, 1, GPU)) == without


def test_a_model_that_cannot_be_read(rtx, tmp_path):
    with pytest.raises(ModelError, match='cannot be read: No such file'):
        dependencies_of(BuildRequest(tmp_path / 'none.onnx', rtx, 1))
