"""What the torch backend keeps beside the contract of all engines."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import EngineError, LostGpuError
from unet_seg_ros.inference.torch_backend import TorchBackend


def images(num: int) -> np.ndarray:
    return np.random.default_rng(num).integers(0, 256, (num, 32, 64, 3), np.uint8)


def test_the_engines_are_imported_without_torch():
    told = 'import sys, unet_seg_ros.inference; print("torch" in sys.modules)'
    run = subprocess.run([sys.executable, '-c', told], capture_output=True, text=True, check=True)
    assert run.stdout == 'False\n'


def test_without_torch_it_says_what_to_install(known_model, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(EngineError, match=r"pip install 'unet_seg_ros\[training\]'") as error:
        TorchBackend(known_model).__enter__()
    assert '\n' not in str(error.value)


@pytest.mark.training
def test_images_may_be_read_only_and_batches_grow_and_shrink(known_model):
    with TorchBackend(known_model) as backend:
        for num in (1, 3, 2, 5):
            batch = images(num)
            batch.flags.writeable = False
            prediction = backend.infer(batch)
            np.testing.assert_array_equal(prediction.class_ids, batch[..., 0] // 64)


@pytest.fixture
def single_image_model(known_model, tmp_path):
    """Return a file that promises any batch, and fails for all but one image."""
    model = onnx.load(known_model)
    nodes = list(model.graph.node)
    last = next(i for i, n in enumerate(nodes) if n.output[0] == 'class_ids')
    nodes.insert(last, helper.make_node('Reshape', ['class', 'single'], ['class_of_one']))
    nodes[last + 1].input[0] = 'class_of_one'
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 32, 64]), 'single'))
    path = tmp_path / 'single.onnx'
    onnx.save(model, path)
    return path


@pytest.mark.training
def test_threads_are_as_asked_while_it_runs_and_as_before_thereafter(
    single_image_model, monkeypatch
):
    import torch

    before, asked = torch.get_num_threads(), torch.get_num_threads() + 1
    set_to = []
    really = torch.set_num_threads
    monkeypatch.setattr(torch, 'set_num_threads', lambda n: (set_to.append(n), really(n)))
    with TorchBackend(single_image_model, EngineOptions(num_threads=asked)) as backend:
        backend.infer(images(1))
        assert torch.get_num_threads() == before
        with pytest.raises(EngineError, match=r'^backend torch: shape') as error:
            backend.infer(images(3))
        assert '\n' not in str(error.value)
        assert torch.get_num_threads() == before
        backend.infer(images(1))
    # As it opens, and for each batch.
    assert set_to == [asked, before] * 4


@pytest.mark.training
def test_threads_are_left_alone_where_none_are_asked_for(known_model, monkeypatch):
    import torch

    monkeypatch.setattr(torch, 'set_num_threads', lambda n: pytest.fail(f'set to {n}'))
    with TorchBackend(known_model) as backend:
        backend.infer(images(1))


@pytest.mark.training
def test_a_gpu_that_is_not_there_is_refused_and_not_replaced(known_model, monkeypatch):
    import torch

    # Stands in for a driver that knows two GPUs; nothing runs on them.
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    with pytest.raises(EngineError, match='there is no GPU 2; torch sees 2, counted from 0'):
        TorchBackend(known_model, EngineOptions(gpu=2)).__enter__()


class StandInFault:
    """torch's CUDA after a fault, of which every later call tells."""

    @staticmethod
    def synchronize(device: str) -> None:
        raise RuntimeError(f'CUDA error on {device}: an illegal memory access\nwas encountered')


@pytest.mark.training
@pytest.mark.parametrize('is_lost', [True, False])
def test_a_lost_gpu_is_told_from_a_run_that_failed(known_model, monkeypatch, is_lost):
    with TorchBackend(known_model) as backend:
        stand_in = StandInFault if is_lost else type('Works', (), {'synchronize': print})
        monkeypatch.setattr(backend._torch, 'cuda', stand_in)
        monkeypatch.setattr(backend, 'device', 'cuda:0')

        def fail(images_nhwc):
            raise RuntimeError('of this run')

        monkeypatch.setattr(backend, '_run', fail)
        with pytest.raises(EngineError) as error:
            backend.infer(images(1))
        assert isinstance(error.value, LostGpuError) is is_lost
        assert '\n' not in str(error.value)
        monkeypatch.undo()
