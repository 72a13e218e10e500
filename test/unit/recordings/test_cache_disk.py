"""A cache on a disk: processes that want one entry at once, damage, power cuts, no space."""

from __future__ import annotations

import fcntl
import os
import resource
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, current_thread

import numpy as np
import pytest
from support.labelled_images import SIZES, TAGS, tags_of
from support.recordings import noise, write_image

from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.recordings.cache import cached
from unet_seg_ros.recordings.folder import LabelledFolder


def test_of_two_that_ask_at_once_one_decodes_and_the_other_waits(drive, cache_folder, monkeypatch):
    # Locks of one file are told apart by who opened it, so a thread will do for a process.
    calls, results = [], []

    def ask():
        recording = LabelledFolder(drive, TAGS)
        results.append(cached(recording, cache_folder, lambda *call: calls.append(call)))

    other = Thread(target=ask)
    flock, is_refused = fcntl.flock, Event()

    def noted(file, operation):
        if current_thread() is other and not is_refused.is_set():
            with pytest.raises(BlockingIOError):
                flock(file, operation | fcntl.LOCK_NB)
            is_refused.set()
        flock(file, operation)

    class Slow(LabelledFolder):
        def __iter__(self):
            other.start()
            assert is_refused.wait(30)
            assert results == []
            return super().__iter__()

    monkeypatch.setattr(fcntl, 'flock', noted)
    decoded = cached(Slow(drive, TAGS), cache_folder)
    other.join(30)
    assert calls == []
    np.testing.assert_array_equal(results[0][1][0], decoded[1][0])
    # No lock stays either.
    assert len(list(cache_folder.iterdir())) == 1


def test_who_finds_a_lock_that_was_removed_takes_the_new_one(drive, cache_folder, monkeypatch):
    flock, taken = fcntl.flock, []

    def late(file, operation):
        flock(file, operation)
        taken.append(file.name)
        if len(taken) == 1:
            Path(file.name).unlink()

    monkeypatch.setattr(fcntl, 'flock', late)
    cached(LabelledFolder(drive, TAGS), cache_folder)
    assert len(taken) == 2
    assert len(list(cache_folder.iterdir())) == 1


def test_a_complete_entry_needs_no_right_to_write(drive, cache_folder, monkeypatch):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    monkeypatch.setattr(fcntl, 'flock', None)
    assert len(cached(LabelledFolder(drive, TAGS), cache_folder)) == 4


def remove(file):
    file.unlink()


def empty(file):
    file.write_bytes(b'')


def zero(file):
    file.write_bytes(bytes(file.stat().st_size))


def halve(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize('name', ['index.json', '8x6-images.npy', '4x4-tags.npy'])
@pytest.mark.parametrize('damage', [remove, empty, zero, halve])
def test_a_damaged_entry_is_mended(drive, cache_folder, name, damage):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    (final,) = cache_folder.iterdir()
    damage(final / name)
    calls = []
    decoded = cached(LabelledFolder(drive, TAGS), cache_folder, lambda *call: calls.append(call))
    assert len(calls) == 4
    for i, (image, tags) in enumerate(decoded):
        np.testing.assert_array_equal(image, noise(*SIZES[i], 3, seed=i))
        np.testing.assert_array_equal(tags, tags_of(SIZES[i], i))
    assert list(cache_folder.iterdir()) == [final]


@pytest.mark.parametrize('text', ['{}', '[]', '{"names": [], "sequences": [], "slots": [1]}'])
def test_an_index_of_another_kind_is_mended(drive, cache_folder, text):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    (final,) = cache_folder.iterdir()
    (final / 'index.json').write_text(text)
    assert len(cached(LabelledFolder(drive, TAGS), cache_folder)) == 4


def test_a_power_cut_finds_all_files_on_the_disk(drive, cache_folder, monkeypatch):
    fsync, synced = os.fsync, set()

    def noted(descriptor):
        fsync(descriptor)
        status = os.fstat(descriptor)
        synced.add((status.st_ino, status.st_size))

    monkeypatch.setattr(os, 'fsync', noted)
    cached(LabelledFolder(drive, TAGS), cache_folder)
    (final,) = cache_folder.iterdir()
    statuses = [file.stat() for file in final.iterdir()]
    assert {(status.st_ino, status.st_size) for status in statuses} == synced


def test_a_frame_that_fails_leaves_nothing(drive, cache_folder):
    (drive / 'rgb' / '3.png').write_bytes(b'')
    with pytest.raises(RecordingError, match=r'3\.png: not a readable image'):
        cached(LabelledFolder(drive, TAGS), cache_folder)
    assert list(cache_folder.iterdir()) == []


@contextmanager
def tiny_disk():
    """Let no file grow beyond 4 KiB; not while pytest reports, perhaps into a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, cache_folder):
    drive = tmp_path / 'large'
    write_image(drive / 'rgb' / '1.png', np.zeros((99, 99, 3), np.uint8))
    write_image(drive / 'label' / '1.png', np.zeros((99, 99), np.uint8))
    with tiny_disk(), pytest.raises(ConfigurationError) as raised:
        cached(LabelledFolder(drive, TAGS), cache_folder)
    assert str(raised.value) == (
        f'cache {cache_folder}: cannot be written: File too large; free some space, choose '
        'another folder, or store smaller frames'
    )
    assert list(cache_folder.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_told(drive, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigurationError, match='file/cache: cannot be written: Not a directory'):
        cached(LabelledFolder(drive, TAGS), tmp_path / 'file' / 'cache')
