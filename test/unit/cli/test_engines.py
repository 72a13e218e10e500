"""The verb engines on a cache that the real builder filled."""

from __future__ import annotations

import json
import platform
import re
import sys

import pytest

from unet_seg_ros.cli.main import main
from unet_seg_ros.core.backend import Watch
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS

RTX = FLAVOURS['tensorrt_rtx']
pytestmark = pytest.mark.skipif(
    platform.machine() != 'x86_64', reason='TensorRT-RTX has wheels for x86-64 alone'
)


@pytest.fixture
def engine(known_model, tmp_path):
    return EngineCache(tmp_path).load_or_build(BuildRequest(known_model, RTX, 2), Watch())


def lines(capsys, *arguments: str) -> list[str]:
    assert main(['engines', *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_table(engine, tmp_path, capsys):
    head, row = lines(capsys, '--cache', str(tmp_path))
    assert head.startswith(f'{tmp_path}: 1 engines, ')
    version = re.escape(RTX.load().__version__)
    assert re.fullmatch(
        rf'  {engine.path.stem} +0\.\d MB  \S+  known\.onnx  fp32, batch 1 to 2  '
        rf'tensorrt_rtx {version}  compute capability 8\.0\+',
        row,
    )


def test_json_holds_the_manifest(engine, tmp_path, capsys):
    (entry,) = json.loads('\n'.join(lines(capsys, '--cache', str(tmp_path), '--json')))
    manifest = json.loads(engine.path.with_suffix('.json').read_text())
    assert entry == {
        'key': engine.path.stem,
        'num_bytes': sum(p.stat().st_size for p in tmp_path.glob(f'{engine.path.stem}*')),
        'problem': '',
        'manifest': manifest,
    }


def test_pruning_says_what_went(engine, tmp_path, capsys):
    assert len(lines(capsys, '--cache', str(tmp_path), '--prune')) == 2
    engine.path.write_bytes(b'no engine')
    (_, row) = lines(capsys, '--cache', str(tmp_path))
    assert 'cannot be used: ' in row
    removed, head = lines(capsys, '--cache', str(tmp_path), '--prune')
    assert removed.startswith(f'removed {engine.path.stem}: ')
    assert head.startswith(f'{tmp_path}: 0 engines, ')


def test_engines_of_a_tensorrt_that_cannot_be_imported_stay(engine, tmp_path, capsys, monkeypatch):
    broken = tmp_path / 'broken' / 'tensorrt_rtx'
    broken.mkdir(parents=True)
    (broken / '__init__.py').write_text('import libnone')
    monkeypatch.syspath_prepend(broken.parent)
    monkeypatch.delitem(sys.modules, 'tensorrt_rtx', raising=False)
    (tmp_path / f'{"0" * 16}.engine').write_bytes(b'no engine')
    assert main(['engines', '--cache', str(tmp_path), '--prune']) == 0
    out, err = capsys.readouterr()
    assert err.startswith('its engines are kept: tensorrt_rtx: the module tensorrt_rtx cannot be ')
    removed, head, row = out.splitlines()
    assert removed.startswith(f'removed {"0" * 16}: ')
    assert head.startswith(f'{tmp_path}: 1 engines, ')
    assert engine.path.stem in row


def test_removing_by_key(engine, tmp_path, capsys):
    (head,) = lines(capsys, '--cache', str(tmp_path), '--remove', engine.path.stem)
    assert head.startswith(f'{tmp_path}: 0 engines, ')
    assert main(['engines', '--cache', str(tmp_path), '--remove', engine.path.stem]) == 1
    assert 'holds no engine' in capsys.readouterr().err


def test_what_others_may_write_to_is_refused(engine, tmp_path, capsys):
    tmp_path.chmod(0o777)
    assert main(['engines', '--cache', str(tmp_path)]) == 1
    assert 'others may write to it' in capsys.readouterr().err
