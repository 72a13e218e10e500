"""Model, engines and cache of this very machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.finding import Level
from unet_seg_ros.doctor.cache import check_cache, check_space
from unet_seg_ros.doctor.engines import Wish, check_engine, check_engines, check_gpu
from unet_seg_ros.doctor.machine import check_machine
from unet_seg_ros.doctor.model import check_model
from unet_seg_ros.inference import BACKENDS


def wish(model, backend='auto', **options) -> Wish:
    return Wish(model, backend, EngineOptions(**options))


def by_subject(findings) -> dict:
    return {f.subject: f for f in findings}


def test_a_model_is_told_by_its_contract(known_model):
    finding = check_model(known_model)
    assert finding.level is Level.OK
    assert finding.what.startswith('known, fp32, input 64x32, classes ')
    assert str(known_model) in finding.what


def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / 'no.onnx').write_bytes(b'no')
    assert check_model(tmp_path / 'no.onnx').level is Level.FAIL
    assert 'not found' in check_model(tmp_path / 'none.onnx').what


def test_every_engine_is_told_and_one_of_them_serves(known_model):
    found = by_subject(check_engines(wish(known_model)))
    assert found.keys() == {*(f'engine {name}' for name in BACKENDS), 'engine'}
    assert found['engine onnxruntime'].level is Level.OK
    assert found['engine onnxruntime'].what.endswith(', fp32')
    assert found['engine torch'].level is Level.SKIP
    assert found['engine'].level is Level.OK


def test_a_named_engine_that_cannot_serve_is_wrong(known_model):
    precise = wish(known_model, 'onnxruntime', precision='int8')
    assert check_engine('onnxruntime', precise).level is Level.FAIL
    assert check_engine('openvino', precise).level is Level.SKIP


def test_an_engine_of_no_such_name(known_model):
    (finding,) = check_engines(wish(known_model, 'tensort'))
    assert finding.level is Level.FAIL
    assert "'tensort'" in finding.what


def test_where_none_serves_that_is_wrong(known_model, monkeypatch):
    monkeypatch.setattr('unet_seg_ros.doctor.engines.BACKENDS', {'torch': BACKENDS['torch']})
    assert by_subject(check_engines(wish(known_model)))['engine'].level is Level.FAIL


def test_without_a_driver_a_gpu_is_wrong_only_where_it_is_asked_for(known_model, monkeypatch):
    monkeypatch.setattr('unet_seg_ros.inference.tensorrt.probe._LIBRARY', 'libnone.so.1')
    assert check_gpu(wish(known_model)).level is Level.SKIP
    assert check_gpu(wish(known_model, 'tensorrt')).level is Level.FAIL
    assert check_engine('tensorrt_rtx', wish(known_model, 'tensorrt_rtx')).level is Level.FAIL


def test_a_cache_that_is_not_there_yet(tmp_path):
    space, holds = check_cache(tmp_path / 'deep' / 'engines')
    assert space.level is Level.OK
    assert holds.what == 'holds 0 engines'
    assert not (tmp_path / 'deep').exists()


def test_a_cache_with_a_damaged_engine(tmp_path):
    (tmp_path / f'{"0" * 16}.engine').write_bytes(b'no')
    warning = next(f for f in check_cache(tmp_path) if f.level is Level.WARN)
    assert '.json is missing' in warning.what
    assert warning.remedy == f'`unet-seg engines --cache {tmp_path} --prune`'


def test_a_cache_that_others_may_write(tmp_path):
    tmp_path.chmod(0o777)
    assert any(f.level is Level.FAIL for f in check_cache(tmp_path))


@pytest.mark.parametrize('place', ['file', 'file/below', 'link'])
def test_a_cache_that_is_no_folder(place, tmp_path):
    (tmp_path / 'file').touch()
    (tmp_path / 'link').symlink_to(tmp_path / 'nowhere')
    (finding,) = check_cache(tmp_path / place)
    assert finding.level is Level.FAIL
    assert 'is no folder' in finding.what


def examine_unprivileged(code: str) -> str:
    """Return what code prints whom permissions bind, root too."""
    command = [sys.executable, '-c', f'from pathlib import Path; {code}']
    if os.geteuid() == 0:
        caps = '-dac_override,-dac_read_search'
        command = ['setpriv', f'--bounding-set={caps}', f'--inh-caps={caps}', *command]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which('setpriv') is None, reason='root may read everything'
)
@pytest.mark.parametrize(
    ('mode', 'place', 'told'),
    [
        (0o555, 'locked', 'warn  engine cache: {}/locked: cannot be written'),
        (0o555, 'locked/engines', 'warn  engine cache: {}/locked: cannot be written'),
        (0o000, 'locked', 'warn  engine cache: {}/locked: cannot be written'),
        (0o000, 'locked/deep/engines', 'warn  engine cache: {}/locked: cannot be written'),
    ],
)
def test_a_cache_that_may_not_be_used(mode, place, told, tmp_path):
    folder = tmp_path / 'locked'
    folder.mkdir(mode=mode)
    folder.chmod(mode)
    printed = examine_unprivileged(
        'from unet_seg_ros.doctor.cache import check_cache\n'
        f'print(*check_cache(Path({str(tmp_path / place)!r})), sep="\\n")'
    )
    assert told.format(tmp_path) in printed


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which('setpriv') is None, reason='root may read everything'
)
def test_a_model_that_may_not_be_read(tmp_path):
    path = tmp_path / 'model.onnx'
    path.touch(mode=0o000)
    printed = examine_unprivileged(
        'from unet_seg_ros.doctor.model import check_model\n'
        f'print(check_model(Path({str(path)!r})))'
    )
    assert printed.startswith(f'fail  model: model file {path}: cannot be read: Permission denied')


def test_a_full_disk(tmp_path):
    assert check_space(tmp_path, 10**8).level is Level.WARN


@pytest.mark.parametrize('value', ['two', None, 1.5])
def test_values_of_wrong_types_are_left_to_ros(known_model, value):
    found = by_subject(check_machine({'model': str(known_model), 'gpu': value}))
    assert found['engine'].level is Level.OK


@pytest.mark.parametrize('name', ['model', 'engine_cache'])
@pytest.mark.parametrize('value', [5, True, ['x'], None])
def test_paths_of_wrong_types_are_left_to_ros(name, value):
    found = by_subject(check_machine({'backend': 'onnxruntime', name: value}))
    assert found['model'].level is Level.OK


def test_a_home_folder_is_expanded_as_the_node_does(known_model, monkeypatch):
    monkeypatch.setenv('HOME', str(known_model.parent))
    found = by_subject(
        check_machine({'model': f'~/{known_model.name}', 'engine_cache': '~/engines'})
    )
    assert found['model'].level is Level.OK
    cache = [f for f in check_machine({'engine_cache': '~/engines'}) if 'GB free' in f.what]
    assert cache[0].what.startswith(f'{known_model.parent}/engines: ')


def test_without_a_model_no_engine_is_tried(tmp_path):
    found = by_subject(check_machine({'model': str(tmp_path / 'none.onnx')}))
    assert found['model'].level is Level.FAIL
    assert 'engine' not in found
