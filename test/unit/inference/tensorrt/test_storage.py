"""Engines run code: only what nobody else can have written is loaded; disks that fail are told."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.inference.tensorrt import cache as caching
from unet_seg_ros.inference.tensorrt import storage
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.storage import read_trusted

NOBODY = 65534


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
