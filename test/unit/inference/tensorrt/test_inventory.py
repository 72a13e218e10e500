"""What lies in the engine cache: kernels beside their engine, what is listed, pruned, removed."""

from __future__ import annotations

import pytest
from support.cached_engines import TURING, flip, names

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.entry import runtime_cache_path
from unet_seg_ros.inference.tensorrt.lock import locked
from unet_seg_ros.inference.tensorrt.probe import Gpu
from unet_seg_ros.inference.tensorrt.storage import PART, read_trusted, write_whole


def test_compiled_kernels_lie_beside_the_engine(built):
    gpu = Gpu(0, 'NVIDIA GeForce RTX 4090', (8, 9), 24 << 30, 13000, '580.65')
    path = runtime_cache_path(built, gpu)
    assert path.parent == built.path.parent
    write_whole(path, b'kernels')
    assert read_trusted(path) == b'kernels'
    others = [
        TURING,
        Gpu(0, gpu.name, (8, 9), 24 << 30, 13000, '590.10'),
        Gpu(0, gpu.name, (8, 9), 24 << 30, 12080, '580.65'),
    ]
    assert path not in [runtime_cache_path(built, other) for other in others]
    # The same card in another slot is the same.
    assert runtime_cache_path(built, Gpu(1, gpu.name, (8, 9), 24 << 30, 13000, '580.65')) == path


def test_pruning_removes_what_is_of_no_use(cache, request_, built, model, rtx, listener):
    version = rtx.load().__version__
    other = cache.load_or_build(BuildRequest(model, rtx, 2), listener)
    flip(other.path, other.path.with_suffix('.json'))
    write_whole(runtime_cache_path(other, TURING), b'kernels')
    write_whole(runtime_cache_path(built, TURING), b'kernels')
    write_whole(cache.folder / f'{"0" * 16}-{"1" * 16}.kernels', b'of none')
    (cache.folder / f'{PART}abc').touch()
    (cache.folder / 'notes.txt').touch()
    removed = cache.prune({rtx.name: version})
    assert [line.partition(': ')[2].split(':')[0] for line in removed] == [
        f'engine {other.path.stem} is damaged',
        'half written',
        'its engine is gone',
    ]
    kept = built.path.stem
    kernels = runtime_cache_path(built, TURING).name
    assert names(cache.folder) == {
        '.lock', 'notes.txt', f'{kept}.engine', f'{kept}.json', kernels
    }  # fmt: skip
    assert cache.prune({rtx.name: version}) == []
    assert cache.prune({rtx.name: '99.0'}) == [f'{kept}: for tensorrt_rtx {version}, here is 99.0']
    assert names(cache.folder) == {'.lock', 'notes.txt'}


def test_an_engine_of_a_flavour_that_is_gone_is_pruned(cache, built):
    assert 'here is none' in cache.prune({})[0]


def test_nothing_is_pruned_while_another_process_builds(cache, built):
    with locked(cache.folder), pytest.raises(EngineError, match='try again when it is done'):
        cache.prune({})
    assert built.path.exists()


def test_removing_by_key(cache, built):
    with pytest.raises(EngineError, match=r'holds no engine abc$'):
        cache.remove([built.path.stem, 'abc'])
    cache.remove([built.path.stem])
    assert names(cache.folder) == {'.lock'}


def test_a_cache_that_is_not_there_is_empty(cache):
    assert cache.entries() == []
    assert cache.prune({}) == []
    assert not cache.folder.exists()


def test_a_cache_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(EngineError, match='is no folder'):
        EngineCache(tmp_path / 'file').entries()
