"""Decoded recordings: what is stored, when it is decoded anew, and what a full disk leaves."""

from __future__ import annotations

import os
import pickle
import resource

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


def another_frame(source):
    write_image(source / 'rgb' / '4.png', noise(4, 4, 3))
    write_image(source / 'label' / '4.png', tags_of((4, 4), 4))


@pytest.mark.parametrize('change', [newer_image, another_frame])
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


def test_of_two_that_decode_at_once_one_result_stays(source, folder):
    class Overtaken(LabelledFolder):
        def __iter__(self):
            self.winner = cached(LabelledFolder(source, TAGS), folder)
            return super().__iter__()

    slow = Overtaken(source, TAGS)
    decoded = cached(slow, folder)
    assert len(list(folder.iterdir())) == 1
    np.testing.assert_array_equal(decoded[1][0], slow.winner[1][0])


def test_a_frame_that_fails_leaves_nothing(source, folder):
    (source / 'rgb' / '3.png').write_bytes(b'')
    with pytest.raises(RecordingError, match=r'3\.png: not a readable image'):
        cached(LabelledFolder(source, TAGS), folder)
    assert list(folder.iterdir()) == []


@pytest.fixture
def tiny_disk():
    """Let no file grow beyond 4 KiB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, folder, tiny_disk):
    source = tmp_path / 'large'
    write_image(source / 'rgb' / '1.png', np.zeros((99, 99, 3), np.uint8))
    write_image(source / 'label' / '1.png', np.zeros((99, 99), np.uint8))
    with pytest.raises(ConfigurationError) as raised:
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
