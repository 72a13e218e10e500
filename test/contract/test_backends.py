"""
What every engine behind the port keeps.

CPU engines are always checked, torch with the trainer's tests, those of a GPU with ``-m gpu``.
"""

import numpy as np
import onnx
import pytest
from support.engines import CPU_ENGINES, GPU_ENGINES, require_gpu_engine

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.errors import EngineError, ModelError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.inference import BACKENDS, open_backend

SIZE = ImageSize(32, 64)


def random_images(num: int, size: ImageSize = SIZE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num, *size, 3), np.uint8)


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    """Return a folder of the user's in which built engines are kept for all tests."""
    return tmp_path_factory.mktemp('cache')


@pytest.fixture(
    params=[
        *CPU_ENGINES,
        pytest.param('torch', marks=pytest.mark.training),
        *(pytest.param(f'{name} on a GPU', marks=pytest.mark.gpu) for name in GPU_ENGINES),
    ]
)
def engine(request, cache, known_model, monkeypatch) -> str:
    name, _, on_gpu = request.param.partition(' ')
    if on_gpu:
        require_gpu_engine(name, known_model, cache)
    monkeypatch.setenv('XDG_CACHE_HOME', str(cache))
    return name


def test_every_engine_is_checked():
    assert {*CPU_ENGINES, *GPU_ENGINES} == set(BACKENDS)


def test_answers_are_the_models_to_the_pixel(engine, known_model):
    with open_backend(known_model, engine, EngineOptions(precision='fp32')) as backend:
        for num in (1, 3, 1):
            images = random_images(num, seed=num)
            prediction = backend.infer(images)
            np.testing.assert_array_equal(prediction.class_ids, images[..., 0] // 64)
            np.testing.assert_array_equal(prediction.confidence, images[:, 2::4, 2::4, 1])
            np.testing.assert_array_equal(
                prediction.group_probability, images[:, None, 2::4, 2::4, 2]
            )


def test_results_are_the_callers_own(engine, known_model):
    with open_backend(known_model, engine) as backend:
        first = backend.infer(random_images(1, seed=1))
        arrays = (first.class_ids, first.confidence, first.group_probability)
        kept = [array.copy() for array in arrays]
        backend.infer(random_images(1, seed=2))
        for array, copy in zip(arrays, kept, strict=True):
            np.testing.assert_array_equal(array, copy)
            assert array.flags.writeable


def test_images_are_left_as_they_were_and_need_not_be_contiguous(engine, known_model):
    images = random_images(1)[:, :, ::-1]
    before = images.copy()
    with open_backend(known_model, engine) as backend:
        prediction = backend.infer(images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(prediction.class_ids, before[..., 0] // 64)


@pytest.mark.parametrize(
    'images',
    [
        np.zeros((1, 32, 64, 3), np.float32),
        np.zeros((1, 64, 32, 3), np.uint8),
        np.zeros((32, 64, 3), np.uint8),
        np.zeros((1, 3, 32, 64), np.uint8),
    ],
)
def test_an_array_of_another_form_is_refused_with_both_forms(engine, known_model, images):
    with open_backend(known_model, engine) as backend:
        with pytest.raises(ValueError, match=r'expected uint8 \[N, 32, 64, 3\], got') as error:
            backend.infer(images)
        assert str(list(images.shape)) in str(error.value)


def test_it_works_only_inside_its_with_block(engine, known_model):
    backend = open_backend(known_model, engine)
    with pytest.raises(ValueError, match='not open'):
        backend.infer(random_images(1))
    for _ in range(2):
        with backend:
            assert backend.infer(random_images(1)).class_ids.shape == (1, 32, 64)
    with pytest.raises(ValueError, match='not open'):
        backend.infer(random_images(1))


def test_auto_names_the_precision_that_was_chosen(engine, known_model):
    with open_backend(known_model, engine, EngineOptions(precision='auto')) as backend:
        assert backend.precision in backend.precisions


def test_an_unknown_precision_is_refused(engine, known_model):
    with pytest.raises(EngineError, match="'f64' is not one of"):
        open_backend(known_model, engine, EngineOptions(precision='f64'))


def test_a_file_that_is_no_model_is_refused(engine, tmp_path):
    path = tmp_path / 'broken.onnx'
    path.write_bytes(b'\x00' * 64)
    with pytest.raises(ModelError, match=r'broken\.onnx'):
        open_backend(path, engine)


def test_a_graph_that_the_engine_does_not_know_is_refused_in_one_line(
    engine, known_model, tmp_path
):
    model = onnx.load(known_model)
    next(n for n in model.graph.node if n.op_type == 'Floor').op_type = 'Magic'
    path = tmp_path / 'magic.onnx'
    onnx.save(model, path)
    with pytest.raises(EngineError, match=r'magic\.onnx') as error:
        open_backend(path, engine).__enter__()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('engine', CPU_ENGINES)
def test_a_failing_run_is_an_engine_error(engine, known_model, tmp_path):
    # The graph promises any batch, but reshapes to one of one image.
    model = onnx.load(known_model)
    nodes = list(model.graph.node)
    last = next(i for i, n in enumerate(nodes) if n.output[0] == 'class_ids')
    nodes.insert(last, onnx.helper.make_node('Reshape', ['class', 'single'], ['class_of_one']))
    nodes[last + 1].input[0] = 'class_of_one'
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    single = np.array([1, *SIZE], np.int64)
    model.graph.initializer.append(onnx.numpy_helper.from_array(single, 'single'))
    path = tmp_path / 'single.onnx'
    onnx.save(model, path)
    with open_backend(path, engine) as backend:
        backend.infer(random_images(1))
        with pytest.raises(EngineError) as error:
            backend.infer(random_images(3))
        assert '\n' not in str(error.value)
        # A failure is one frame's: the next one works again.
        backend.infer(random_images(1))


def test_an_unknown_engine_is_refused_with_those_that_are_there(known_model):
    with pytest.raises(EngineError, match='openvino, onnxruntime'):
        open_backend(known_model, 'magic')
