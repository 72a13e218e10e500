"""Decoded recordings: what is stored, when it is decoded anew, and what a full disk leaves."""

from __future__ import annotations

import fcntl
import os
import pickle
import resource
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from support.recordings import noise, write_image

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import ConfigurationError, RecordingError
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.cache import cached
from unet_seg_ros.recordings.folder import LabelledFolder
from unet_seg_ros.recordings.recording import ReadOptions

TAGS = CARLA_TAGS[23]
SIZES = [(6, 8), (6, 8), (4, 4), (6, 8)]


def tags_of(size, seed):
    return np.random.default_rng(seed).integers(0, len(TAGS), size, np.uint8)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / 'drive'
    for number, size in enumerate(SIZES):
        write_image(path / 'rgb' / f'{number}.png', noise(*size, 3, seed=number))
        write_image(path / 'label' / f'{number}.png', tags_of(size, number))
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'cache'


class Calls(list):
    def __call__(self, what, done, of):
        self.append((what, done, of))


def test_a_decoded_recording_is_the_recording(source, folder):
    recording = LabelledFolder(source, TAGS)
    decoded = cached(recording, folder)
    assert len(decoded) == 4
    assert decoded.names == recording.names
    assert decoded.sequences == recording.sequences
    assert decoded.tags is TAGS
    assert decoded.path == source
    for i, (image, tags) in enumerate(decoded):
        np.testing.assert_array_equal(image, noise(*SIZES[i], 3, seed=i))
        np.testing.assert_array_equal(tags, tags_of(SIZES[i], i))
    np.testing.assert_array_equal(decoded[-1][0], noise(*SIZES[3], 3, seed=3))
    with pytest.raises(IndexError):
        decoded[4]


def test_frames_are_copies(source, folder):
    decoded = cached(LabelledFolder(source, TAGS), folder)
    decoded[0][0][:] = 0
    np.testing.assert_array_equal(decoded[0][0], noise(*SIZES[0], 3, seed=0))
    assert type(decoded[0][0]) is type(decoded[0][1]) is np.ndarray


def test_the_files_are_numpys(source, folder):
    cached(LabelledFolder(source, TAGS), folder)
    (final,) = folder.iterdir()
    assert final.name.startswith('drive-')
    assert np.load(final / '8x6-images.npy').shape == (3, 6, 8, 3)
    np.testing.assert_array_equal(np.load(final / '4x4-tags.npy'), tags_of((4, 4), 2)[np.newaxis])


def test_it_is_decoded_once(source, folder):
    calls = Calls()
    for _ in range(2):
        cached(LabelledFolder(source, TAGS), folder, calls)
    assert calls == [('decoding drive', i, 4) for i in range(4)]


def newer_image(source):
    path = source / 'rgb' / '2.png'
    write_image(path, noise(4, 4, 3, seed=99))
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def image_of_the_same_size_and_time(source):
    path = source / 'rgb' / '2.png'
    status = path.stat()
    data = bytearray(path.read_bytes())
    other = write_image(source / 'other.png', noise(4, 4, 3, seed=99)).read_bytes()
    assert len(other) == len(data)
    path.write_bytes(other)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def another_frame(source):
    write_image(source / 'rgb' / '4.png', noise(4, 4, 3))
    write_image(source / 'label' / '4.png', tags_of((4, 4), 4))


@pytest.mark.parametrize('change', [newer_image, image_of_the_same_size_and_time, another_frame])
def test_a_changed_recording_is_decoded_anew(source, folder, change):
    cached(LabelledFolder(source, TAGS), folder)
    change(source)
    recording = LabelledFolder(source, TAGS)
    decoded = cached(recording, folder)
    assert len(decoded) == len(recording)
    for expected, (image, tags) in zip(recording, decoded, strict=True):
        np.testing.assert_array_equal(image, expected[0])
        np.testing.assert_array_equal(tags, expected[1])


@pytest.mark.parametrize(
    ('tags', 'form', 'options', 'max_size'),
    [
        (29, 'auto', ReadOptions(), None),
        (23, 'ids', ReadOptions(), None),
        (23, 'auto', ReadOptions(ignore_unknown=True), None),
        (23, 'auto', ReadOptions(), ImageSize(3, 3)),
    ],
)
def test_read_otherwise_it_is_another_entry(source, folder, tags, form, options, max_size):
    cached(LabelledFolder(source, TAGS), folder)
    cached(LabelledFolder(source, CARLA_TAGS[tags], form, options), folder, max_size=max_size)
    assert len(list(folder.iterdir())) == 2


def test_larger_frames_are_stored_smaller(source, folder):
    decoded = cached(LabelledFolder(source, TAGS), folder, max_size=ImageSize(4, 4))
    image, tags = decoded[0]
    np.testing.assert_array_equal(image, resize_image(noise(6, 8, 3, seed=0), ImageSize(3, 4)))
    np.testing.assert_array_equal(tags, resize_ids(tags_of((6, 8), 0), ImageSize(3, 4)))
    np.testing.assert_array_equal(decoded[2][0], noise(4, 4, 3, seed=2))


def test_what_does_not_count_stays_so(source, folder):
    ids = np.full((6, 8), 30, np.uint8)
    ids[:, :4] = 7
    write_image(source / 'label' / '0.png', ids)
    recording = LabelledFolder(source, TAGS, options=ReadOptions(ignore_unknown=True))
    decoded = cached(recording, folder, max_size=ImageSize(3, 4))
    assert decoded[0][1].tolist() == [[7, 7, 255, 255]] * 3


def test_another_process_needs_the_place_alone(source, folder):
    decoded = cached(LabelledFolder(source, TAGS), folder)
    assert len(decoded[0]) == 2
    data = pickle.dumps(decoded)
    # No pixel is in it.
    assert noise(6, 8, 3, seed=0).tobytes() not in data
    np.testing.assert_array_equal(pickle.loads(data)[1][0], decoded[1][0])


def test_of_two_that_ask_at_once_one_decodes_and_the_other_waits(source, folder):
    # Locks of one file are told apart by who opened it, so a thread will do for a process.
    calls, results = Calls(), []
    other = Thread(
        target=lambda: results.append(cached(LabelledFolder(source, TAGS), folder, calls))
    )

    class Slow(LabelledFolder):
        def __iter__(self):
            other.start()
            other.join(0.2)
            assert results == []
            return super().__iter__()

    decoded = cached(Slow(source, TAGS), folder)
    other.join(30.0)
    assert calls == []
    np.testing.assert_array_equal(results[0][1][0], decoded[1][0])
    # No lock stays either.
    assert len(list(folder.iterdir())) == 1


def test_who_finds_a_lock_that_was_removed_takes_the_new_one(source, folder, monkeypatch):
    flock, taken = fcntl.flock, []

    def late(file, operation):
        flock(file, operation)
        taken.append(file.name)
        if len(taken) == 1:
            Path(file.name).unlink()

    monkeypatch.setattr(fcntl, 'flock', late)
    cached(LabelledFolder(source, TAGS), folder)
    assert len(taken) == 2
    assert len(list(folder.iterdir())) == 1


def test_a_complete_entry_needs_no_right_to_write(source, folder, monkeypatch):
    cached(LabelledFolder(source, TAGS), folder)
    monkeypatch.setattr(fcntl, 'flock', None)
    assert len(cached(LabelledFolder(source, TAGS), folder)) == 4


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
def test_a_damaged_entry_is_mended(source, folder, name, damage):
    cached(LabelledFolder(source, TAGS), folder)
    (final,) = folder.iterdir()
    damage(final / name)
    calls = Calls()
    decoded = cached(LabelledFolder(source, TAGS), folder, calls)
    assert len(calls) == 4
    for i, (image, tags) in enumerate(decoded):
        np.testing.assert_array_equal(image, noise(*SIZES[i], 3, seed=i))
        np.testing.assert_array_equal(tags, tags_of(SIZES[i], i))
    assert list(folder.iterdir()) == [final]


def test_a_power_cut_finds_all_files_on_the_disk(source, folder, monkeypatch):
    fsync, synced = os.fsync, set()

    def noted(descriptor):
        fsync(descriptor)
        status = os.fstat(descriptor)
        synced.add((status.st_ino, status.st_size))

    monkeypatch.setattr(os, 'fsync', noted)
    cached(LabelledFolder(source, TAGS), folder)
    (final,) = folder.iterdir()
    statuses = [file.stat() for file in final.iterdir()]
    assert {(status.st_ino, status.st_size) for status in statuses} == synced


@pytest.mark.parametrize('text', ['{}', '[]', '{"names": [], "sequences": [], "slots": [1]}'])
def test_an_index_of_another_kind_is_mended(source, folder, text):
    cached(LabelledFolder(source, TAGS), folder)
    (final,) = folder.iterdir()
    (final / 'index.json').write_text(text)
    assert len(cached(LabelledFolder(source, TAGS), folder)) == 4


def test_a_relative_path_gives_the_same_entry(source, folder, monkeypatch):
    cached(LabelledFolder(source, TAGS), folder)
    monkeypatch.chdir(source.parent)
    calls = Calls()
    cached(LabelledFolder(Path('drive'), TAGS), folder, calls)
    assert calls == []
    assert len(list(folder.iterdir())) == 1


def test_a_file_of_the_recording_that_is_not_there_is_named(source, folder):
    (source / 'rgb' / '4.png').symlink_to(source / 'gone.png')
    (source / 'label' / '4.png').symlink_to(source / 'rgb' / '1.png')
    with pytest.raises(RecordingError) as raised:
        cached(LabelledFolder(source, TAGS), folder)
    expected = f'{source}/rgb/4.png: cannot be read: No such file or directory'
    assert str(raised.value) == expected
    assert not folder.exists()


def test_a_frame_that_fails_leaves_nothing(source, folder):
    (source / 'rgb' / '3.png').write_bytes(b'')
    with pytest.raises(RecordingError, match=r'3\.png: not a readable image'):
        cached(LabelledFolder(source, TAGS), folder)
    assert list(folder.iterdir()) == []


@contextmanager
def tiny_disk():
    """Let no file grow beyond 4 KiB; not while pytest reports, perhaps into a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, folder):
    source = tmp_path / 'large'
    write_image(source / 'rgb' / '1.png', np.zeros((99, 99, 3), np.uint8))
    write_image(source / 'label' / '1.png', np.zeros((99, 99), np.uint8))
    with tiny_disk(), pytest.raises(ConfigurationError) as raised:
        cached(LabelledFolder(source, TAGS), folder)
    assert str(raised.value) == (
        f'cache {folder}: cannot be written: File too large; free some space, choose another '
        'folder, or store smaller frames'
    )
    assert list(folder.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_told(source, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigurationError, match='file/cache: cannot be written: Not a directory'):
        cached(LabelledFolder(source, TAGS), tmp_path / 'file' / 'cache')
