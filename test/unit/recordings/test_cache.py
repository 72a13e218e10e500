"""Decoded recordings: what is stored, and when it is decoded anew."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from support.labelled_images import SIZES, TAGS, tags_of
from support.recordings import noise, write_image

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.recordings.cache import cached
from unet_seg_ros.recordings.folder import LabelledFolder
from unet_seg_ros.recordings.recording import ReadOptions


def test_a_decoded_recording_is_the_recording(drive, cache_folder):
    recording = LabelledFolder(drive, TAGS)
    decoded = cached(recording, cache_folder)
    assert len(decoded) == 4
    assert decoded.names == recording.names
    assert decoded.sequences == recording.sequences
    assert decoded.tags is TAGS
    assert decoded.path == drive
    for i, (image, tags) in enumerate(decoded):
        np.testing.assert_array_equal(image, noise(*SIZES[i], 3, seed=i))
        np.testing.assert_array_equal(tags, tags_of(SIZES[i], i))
    np.testing.assert_array_equal(decoded[-1][0], noise(*SIZES[3], 3, seed=3))
    with pytest.raises(IndexError):
        decoded[4]


def test_frames_are_copies(drive, cache_folder):
    decoded = cached(LabelledFolder(drive, TAGS), cache_folder)
    decoded[0][0][:] = 0
    np.testing.assert_array_equal(decoded[0][0], noise(*SIZES[0], 3, seed=0))
    assert type(decoded[0][0]) is type(decoded[0][1]) is np.ndarray


def test_the_files_are_numpys(drive, cache_folder):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    (final,) = cache_folder.iterdir()
    assert final.name.startswith('drive-')
    assert np.load(final / '8x6-images.npy').shape == (3, 6, 8, 3)
    np.testing.assert_array_equal(np.load(final / '4x4-tags.npy'), tags_of((4, 4), 2)[np.newaxis])


def test_larger_frames_are_stored_smaller(drive, cache_folder):
    decoded = cached(LabelledFolder(drive, TAGS), cache_folder, max_size=ImageSize(4, 4))
    image, tags = decoded[0]
    np.testing.assert_array_equal(image, resize_image(noise(6, 8, 3, seed=0), ImageSize(3, 4)))
    np.testing.assert_array_equal(tags, resize_ids(tags_of((6, 8), 0), ImageSize(3, 4)))
    np.testing.assert_array_equal(decoded[2][0], noise(4, 4, 3, seed=2))


def test_what_does_not_count_stays_so(drive, cache_folder):
    ids = np.full((6, 8), 30, np.uint8)
    ids[:, :4] = 7
    write_image(drive / 'label' / '0.png', ids)
    recording = LabelledFolder(drive, TAGS, options=ReadOptions(ignore_unknown=True))
    decoded = cached(recording, cache_folder, max_size=ImageSize(3, 4))
    assert decoded[0][1].tolist() == [[7, 7, 255, 255]] * 3


def test_another_process_needs_the_place_alone(drive, cache_folder):
    decoded = cached(LabelledFolder(drive, TAGS), cache_folder)
    assert len(decoded[0]) == 2
    data = pickle.dumps(decoded)
    # No pixel is in it.
    assert noise(6, 8, 3, seed=0).tobytes() not in data
    np.testing.assert_array_equal(pickle.loads(data)[1][0], decoded[1][0])


def test_it_is_decoded_once(drive, cache_folder):
    calls = []
    for _ in range(2):
        cached(LabelledFolder(drive, TAGS), cache_folder, lambda *call: calls.append(call))
    assert calls == [('decoding drive', i, 4) for i in range(4)]


def newer_image(drive):
    path = drive / 'rgb' / '2.png'
    write_image(path, noise(4, 4, 3, seed=99))
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def image_of_the_same_size_and_time(drive):
    path = drive / 'rgb' / '2.png'
    status = path.stat()
    data = bytearray(path.read_bytes())
    other = write_image(drive / 'other.png', noise(4, 4, 3, seed=99)).read_bytes()
    assert len(other) == len(data)
    path.write_bytes(other)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def another_frame(drive):
    write_image(drive / 'rgb' / '4.png', noise(4, 4, 3))
    write_image(drive / 'label' / '4.png', tags_of((4, 4), 4))


@pytest.mark.parametrize('change', [newer_image, image_of_the_same_size_and_time, another_frame])
def test_a_changed_recording_is_decoded_anew(drive, cache_folder, change):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    change(drive)
    recording = LabelledFolder(drive, TAGS)
    decoded = cached(recording, cache_folder)
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
def test_read_otherwise_it_is_another_entry(drive, cache_folder, tags, form, options, max_size):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    cached(LabelledFolder(drive, CARLA_TAGS[tags], form, options), cache_folder, max_size=max_size)
    assert len(list(cache_folder.iterdir())) == 2


def test_a_relative_path_gives_the_same_entry(drive, cache_folder, monkeypatch):
    cached(LabelledFolder(drive, TAGS), cache_folder)
    monkeypatch.chdir(drive.parent)
    calls = []
    cached(LabelledFolder(Path('drive'), TAGS), cache_folder, lambda *call: calls.append(call))
    assert calls == []
    assert len(list(cache_folder.iterdir())) == 1


def test_a_file_of_the_recording_that_is_not_there_is_named(drive, cache_folder):
    (drive / 'rgb' / '4.png').symlink_to(drive / 'gone.png')
    (drive / 'label' / '4.png').symlink_to(drive / 'rgb' / '1.png')
    with pytest.raises(RecordingError) as raised:
        cached(LabelledFolder(drive, TAGS), cache_folder)
    expected = f'{drive}/rgb/4.png: cannot be read: No such file or directory'
    assert str(raised.value) == expected
    assert not cache_folder.exists()
