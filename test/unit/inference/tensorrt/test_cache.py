"""Engines are built once, and only what this package built is loaded."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import onnx
import pytest
from support.child_processes import builder_of, is_running, wait_for
from support.verbs import Verbs

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt import cache as caching
from unet_seg_ros.inference.tensorrt import manifest as manifests
from unet_seg_ros.inference.tensorrt import storage
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.entry import runtime_cache_path
from unet_seg_ros.inference.tensorrt.lock import locked
from unet_seg_ros.inference.tensorrt.probe import Gpu
from unet_seg_ros.inference.tensorrt.storage import PART, read_trusted, write_whole

TURING = Gpu(0, 'NVIDIA GeForce RTX 2080 Ti', (7, 5), 11 << 30, 13000)
NOBODY = 65534


@pytest.fixture
def model(known_model, tmp_path) -> Path:
    return Path(shutil.copy(known_model, tmp_path / 'known.onnx'))


@pytest.fixture
def request_(rtx, model) -> BuildRequest:
    return BuildRequest(model, rtx, 1)


@pytest.fixture
def cache(tmp_path) -> EngineCache:
    return EngineCache(tmp_path / 'engines')


@pytest.fixture(scope='module')
def built_before(rtx, known_model, tmp_path_factory) -> Path:
    """Return a cache that holds the known model's engine for one image."""
    folder = tmp_path_factory.mktemp('built') / 'engines'
    EngineCache(folder).load_or_build(BuildRequest(known_model, rtx, 1), Watch())
    return folder


@pytest.fixture
def built(cache, request_, built_before):
    """Return the engine that the cache holds."""
    shutil.copytree(built_before, cache.folder)
    engine = cache.load_or_build(request_, Watch())
    assert not engine.was_built
    return engine


@pytest.fixture
def verbs():
    started = Verbs()
    yield started
    started.end()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def touch_up(model: Path) -> None:
    changed = onnx.load(model)
    changed.doc_string = 'another file'
    onnx.save(changed, model)


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


def flip(engine: Path, manifest: Path) -> None:
    data = bytearray(engine.read_bytes())
    data[len(data) // 2] ^= 1
    engine.write_bytes(data)


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


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.rename(path.with_suffix('.real'))
    path.symlink_to(path.with_suffix('.real'))


@pytest.mark.parametrize('suffix', ['.engine', '.json'])
@pytest.mark.parametrize(
    ('tamper', 'told'),
    [
        (lambda path: path.chmod(0o664), 'others may write to it'),
        (lambda path: path.chmod(0o646), 'others may write to it'),
        (link, 'is a symbolic link'),
        (pipe, 'is no plain file'),
    ],
    ids=['group', 'world', 'link', 'pipe'],
)
def test_what_others_could_have_written_is_not_loaded(
    suffix, tamper, told, cache, request_, built, listener
):
    path = built.path.with_suffix(suffix)
    tamper(path)
    with pytest.raises(EngineError, match=f'^{path}: {told}'):
        cache.load_or_build(request_, listener)
    (entry,) = cache.entries()
    assert told in entry.problem


@pytest.mark.parametrize('suffix', ['.engine', '.json', ''])
def test_what_belongs_to_another_user_is_not_loaded(
    suffix, cache, request_, built, listener, monkeypatch
):
    path = built.path.with_suffix(suffix) if suffix else cache.folder
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, 'geteuid', lambda: NOBODY)
        path = built.path.parent
    with pytest.raises(EngineError, match=f'^{path}: belongs to user'):
        cache.load_or_build(request_, listener)


def test_a_folder_that_others_may_write_to_is_refused(cache, request_, built, listener):
    cache.folder.chmod(0o777)
    with pytest.raises(EngineError, match=f'^{cache.folder}: others may write to it'):
        cache.load_or_build(request_, listener)
    with pytest.raises(EngineError, match='others may write to it'):
        cache.entries()


def test_a_folder_that_is_exchanged_while_it_is_read_is_not_read(
    cache, built, tmp_path, monkeypatch
):
    # Whoever may write to the folder above puts another one there after the check; hard links
    # make its files as trusted as they were.
    other = tmp_path / 'other'
    other.mkdir()
    (tmp_path / 'download').write_bytes(b'another engine')
    os.link(tmp_path / 'download', other / built.path.name)
    real = storage.require_trusted

    def exchange(found, path):
        real(found, path)
        if path == cache.folder:
            cache.folder.rename(tmp_path / 'moved')
            other.rename(cache.folder)

    monkeypatch.setattr(storage, 'require_trusted', exchange)
    assert read_trusted(built.path) == built.plan


def test_a_disk_that_fails_is_told(cache, request_, built, listener, monkeypatch):
    def fail(found, path):
        if path == built.path:
            raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr(storage, 'require_trusted', fail)
    with pytest.raises(EngineError, match=r'cannot be read: Input/output error$'):
        cache.load_or_build(request_, listener)


def test_a_disk_that_is_full_leaves_no_engine_and_is_told(cache, request_, listener, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(caching, 'write_whole', fail)
        with pytest.raises(EngineError, match=r'none can be written \(No space left on device\)'):
            cache.load_or_build(request_, listener)
    (entry,) = cache.entries()
    assert entry.problem.endswith('.json is missing')
    assert cache.load_or_build(request_, listener).was_built


@contextmanager
def as_a_user_who_may_not_write(folder: Path):
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_read_only_folder_serves_hits_and_tells_misses(rtx, known_model, listener):
    # Below pytest's own folder no other user may read.
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        model = Path(shutil.copy(known_model, home))
        model.chmod(0o644)
        cache = EngineCache(Path(home, 'engines'))
        cache.load_or_build(BuildRequest(model, rtx, 1), listener)
        (cache.folder / '.lock').unlink()
        with as_a_user_who_may_not_write(cache.folder):
            assert not cache.load_or_build(BuildRequest(model, rtx, 1), listener).was_built
            told = 'max_batch was 1, is 2, and none can be written .*unet-seg build-engine'
            with pytest.raises(EngineError, match=told):
                cache.load_or_build(BuildRequest(model, rtx, 2), listener)


def test_a_folder_that_cannot_be_made_is_told(request_, tmp_path, listener):
    (tmp_path / 'file').touch()
    with pytest.raises(EngineError, match=r'file/engines/.*: cannot be read: Not a directory$'):
        EngineCache(tmp_path / 'file' / 'engines').load_or_build(request_, listener)


def test_two_processes_build_once(cache, model, verbs, rtx):
    cache.folder.mkdir()
    command = ('build-engine', '--module', rtx.name, '--model', model, '--cache', cache.folder)
    with locked(cache.folder):
        both = [verbs.start(*command) for _ in range(2)]
        lines = [process.stderr.readline() for process in both]
    text = f'another process builds an engine in {cache.folder}: waiting for it\n'
    assert lines == [text] * 2
    (path, told), (same_path, other_told) = [p.communicate(timeout=60) for p in both]
    assert path == same_path
    assert [p.returncode for p in both] == [0, 0]
    assert (told + other_told).count('; building') == 1
    assert (told + other_told).count('is there since') == 1


def test_a_model_that_changes_meanwhile_is_told(cache, request_, model, listener, monkeypatch):
    real = caching.build

    def build(*arguments):
        touch_up(model)
        return real(*arguments)

    monkeypatch.setattr(caching, 'build', build)
    with pytest.raises(EngineError, match=r'was changed while its engine was built: .*again$'):
        cache.load_or_build(request_, listener)
    assert names(cache.folder) == {'.lock'}


def test_waiting_for_another_process_can_be_stopped(cache, request_, listener):
    cache.folder.mkdir()
    listener.stops = True
    with locked(cache.folder), pytest.raises(EngineError, match='stopped waiting'):
        cache.load_or_build(request_, listener)
    assert names(cache.folder) == {'.lock'}


def test_a_build_that_fails_leaves_nothing(cache, request_, listener):
    def kill() -> None:
        listener.before = lambda: None
        os.kill(builder_of(os.getpid()), signal.SIGKILL)

    listener.before = kill
    with pytest.raises(EngineError, match='died by SIGKILL'):
        cache.load_or_build(request_, listener)
    assert names(cache.folder) == {'.lock'}
    assert cache.load_or_build(request_, listener).was_built


def test_a_parent_that_is_killed_takes_its_builder_with_it(
    cache, request_, shipped_model, verbs, rtx, listener
):
    parent = verbs.start(
        'build-engine', '--module', rtx.name, '--model', shipped_model, '--cache', cache.folder
    )
    child = builder_of(parent.pid)
    os.kill(child, signal.SIGSTOP)
    parent.kill()
    parent.wait(timeout=30)
    wait_for(lambda: not is_running(child))
    (part,) = cache.folder.glob(f'{PART}*')
    assert cache.entries() == []
    # The kernel let go of the lock, and the next build clears up.
    assert cache.load_or_build(request_, listener).was_built
    assert not part.exists()


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


def test_the_users_own_cache_is_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert EngineCache().folder == tmp_path / 'unet_seg_ros' / 'engines'
