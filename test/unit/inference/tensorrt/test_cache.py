"""Engines are built once, told apart by all that they depend on, and built again if damaged."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from support.cached_engines import TURING, flip, names, touch_up

from unet_seg_ros.inference.tensorrt import cache as caching
from unet_seg_ros.inference.tensorrt import manifest as manifests
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache


def test_the_first_build_leaves_engine_and_manifest(cache, request_, listener, rtx):
    engine = cache.load_or_build(request_, listener)
    key = engine.path.stem
    assert names(cache.folder) == {'.lock', f'{key}.engine', f'{key}.json'}
    assert listener.lines[0] == 'known.onnx: no engine of it yet; building'
    assert re.match(r'known.onnx: built in .* s; .* MB; fp32; .* layers', listener.lines[-1])
    manifest = json.loads((cache.folder / f'{key}.json').read_text())
    assert manifest['model'] == 'known.onnx'
    assert set(manifest['depends_on']) == {
        'model_sha256', 'flavour', 'version', 'system', 'machine', 'max_batch', 'flags', 'targets',
    }  # fmt: skip
    assert manifest['depends_on']['version'] == rtx.load().__version__


def test_a_hit_builds_nothing(cache, request_, built, listener, monkeypatch):
    monkeypatch.setattr(caching, 'build', None)
    again = cache.load_or_build(request_, listener)
    assert not again.was_built
    assert (again.path, again.plan, again.manifest) == (built.path, built.plan, built.manifest)
    assert again.plan == built.path.read_bytes()
    assert listener.lines == []


def test_a_model_of_another_name_is_the_same_engine(cache, request_, built, listener, model):
    moved = BuildRequest(model.rename(model.with_name('moved.onnx')), request_.flavour, 1)
    assert not cache.load_or_build(moved, listener).was_built


@pytest.mark.parametrize(
    ('field', 'was', 'now'),
    [
        ('model_sha256', r'[0-9a-f]{12}\.\.\.', r'[0-9a-f]{12}\.\.\.'),
        ('max_batch', '1', '2'),
        ('version', r'[0-9.]+', '99.0'),
        ('machine', r'\w+', 'riscv64'),
        ('system', 'Linux', 'Plan9'),
        ('flags', r'\[.*', r"\['other'\]"),
        ('targets', r'8\.0\+', r'7\.5'),
    ],
)
def test_what_has_changed_is_named(
    field, was, now, cache, request_, built, listener, monkeypatch, rtx, model
):
    changed = request_
    if field == 'model_sha256':
        touch_up(model)
    elif field == 'max_batch':
        changed = BuildRequest(model, rtx, 2)
    elif field == 'version':
        monkeypatch.setattr(rtx.load(), '__version__', '99.0')
    elif field == 'flags':
        monkeypatch.setattr(manifests, 'FLAGS', ('other',))
    elif field == 'targets':
        changed = BuildRequest(model, rtx, 1, TURING)
    else:
        monkeypatch.setattr(f'platform.{field}', lambda: now)
    engine = cache.load_or_build(changed, listener)
    assert engine.was_built
    assert engine.path != built.path
    told = f'known.onnx: no engine fits: {field} was {was}, is {now}; building'
    assert re.fullmatch(told, listener.lines[0])


def test_the_nearest_engine_is_compared(cache, rtx, model, listener):
    for max_batch in (1, 2):
        cache.load_or_build(BuildRequest(model, rtx, max_batch), listener)
    touch_up(model)
    listener.lines.clear()
    cache.load_or_build(BuildRequest(model, rtx, 2), listener)
    assert 'model_sha256 was' in listener.lines[0]
    assert 'max_batch' not in listener.lines[0]


def cut(engine: Path, manifest: Path) -> None:
    os.truncate(engine, engine.stat().st_size // 2)


def lose_field(engine: Path, manifest: Path) -> None:
    data = json.loads(manifest.read_text())
    del data['summary']
    manifest.write_text(json.dumps(data))


def set_build_time(manifest: Path, seconds: float | None) -> None:
    data = json.loads(manifest.read_text())
    data['summary']['build_s'] = seconds
    manifest.write_text(json.dumps(data))


def claim_other(engine: Path, manifest: Path) -> None:
    data = json.loads(manifest.read_text())
    data['depends_on']['max_batch'] = 7
    manifest.write_text(json.dumps(data))


@pytest.mark.parametrize(
    'damage',
    [
        flip,
        cut,
        lose_field,
        claim_other,
        lambda engine, manifest: manifest.write_text('{"format": 1, "mod'),
        lambda engine, manifest: manifest.write_text('[]'),
        lambda engine, manifest: manifest.write_text('{"format": 99}'),
        lambda engine, manifest: manifest.write_bytes(b'\xff\xfe'),
        lambda engine, manifest: manifest.write_bytes(b''),
        lambda engine, manifest: manifest.write_text('[' * 100_000),
        lambda engine, manifest: set_build_time(manifest, None),
    ],
    ids=[
        *('flip', 'cut', 'field', 'other', 'json', 'list', 'format', 'bytes', 'empty', 'deep'),
        'type',
    ],
)
def test_what_is_damaged_is_told_and_built_again(damage, cache, request_, built, listener):
    damage(built.path, built.path.with_suffix('.json'))
    (entry,) = cache.entries()
    assert 'damaged' in entry.problem
    engine = cache.load_or_build(request_, listener)
    assert engine.was_built
    assert f'engine {built.path.stem} is damaged: ' in listener.lines[0]
    assert not cache.load_or_build(request_, listener).was_built


@pytest.mark.parametrize('suffix', ['.engine', '.json'])
def test_half_an_engine_is_none(suffix, cache, request_, built, listener):
    built.path.with_suffix(suffix).unlink()
    (entry,) = cache.entries()
    assert entry.problem == f'{built.path.stem}{suffix} is missing'
    assert cache.load_or_build(request_, listener).was_built


def test_the_users_own_cache_is_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert EngineCache().folder == tmp_path / 'unet_seg_ros' / 'engines'
