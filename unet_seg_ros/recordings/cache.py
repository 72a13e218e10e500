"""Decoded recordings on disk, so that a training does not wait for images to be decoded."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from unet_seg_ros.core.classes import ClassTable
from unet_seg_ros.core.errors import ConfigurationError, RecordingError, one_line
from unet_seg_ros.core.resize import resize_ids, resize_image
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.recordings.recording import Progress, Recording, SourceRecording

# To be raised with every change of what a reader makes of a recording, or of the files here.
_VERSION = 2

_INDEX = 'index.json'

# What opening raises of an entry that is missing, or whose files a power cut left empty or short.
_DAMAGE = (FileNotFoundError, EOFError, KeyError, TypeError, ValueError)


class _Slot(NamedTuple):
    """Where a frame lies: in which file, by its image size, and at which position."""

    size: ImageSize
    position: int


class CachedRecording(Recording):
    """
    A decoded recording, read from memory-mapped files.

    It may be used in any process, forked or not; each maps the files itself.

    Parameters
    ----------
    path : Path
        Where the recording lies that was decoded.
    tags : ClassTable
        Its tags.
    folder : Path
        The decoded frames, as `cached` wrote them.

    Raises
    ------
    OSError, EOFError, KeyError, TypeError, ValueError
        If the folder is not complete.

    """

    def __init__(self, path: Path, tags: ClassTable, folder: Path) -> None:
        """Read the index and map the files."""
        self.path = path
        self.tags = tags
        self._folder = folder
        index = json.loads((folder / _INDEX).read_text())
        self.names: list[str] = index['names']
        self.sequences: list[str] = index['sequences']
        self._slots = [_Slot(ImageSize(h, w), position) for h, w, position in index['slots']]
        self._maps = {
            size: (
                np.load(folder / f'{size}-images.npy', mmap_mode='r'),
                np.load(folder / f'{size}-tags.npy', mmap_mode='r'),
            )
            for size in {slot.size for slot in self._slots}
        }

    def __getitem__(self, index: int) -> tuple[ByteArray, ByteArray]:
        """Copy a frame out of the files; see `Recording`."""
        size, position = self._slots[index]
        images, tags = self._maps[size]
        return np.array(images[position]), np.array(tags[position])

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the place of the files, not what they hold."""
        return type(self), (self.path, self.tags, self._folder)


def cached(
    recording: SourceRecording,
    folder: Path,
    progress: Progress = lambda _what, _done, _of: None,
    max_size: ImageSize | None = None,
) -> CachedRecording:
    """
    Return a recording decoded, from the cache if it was decoded before and is unchanged.

    Several processes may ask for the same at once: one decodes, the others wait for it. An entry
    that is damaged is decoded anew.

    Parameters
    ----------
    recording : SourceRecording
        What is to be decoded.
    folder : Path
        The cache; made if it is missing.
    progress : callable, optional
        Called with each frame that is decoded.
    max_size : ImageSize, optional
        Larger frames are stored smaller, so that they fit into it with their aspect kept.

    Raises
    ------
    RecordingError
        If a frame, or one of the recording's files, cannot be read.
    ConfigurationError
        If the cache cannot be written; nothing is then left of it.

    """
    final = folder / f'{recording.path.resolve().name}-{_digest(recording, max_size)}'
    try:
        found = _opened(recording, final)
        if found is None:
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder / f'.{final.name}.lock'):
                # Another process may have filled it meanwhile.
                found = _opened(recording, final)
                if found is None:
                    _fill(recording, final, progress, max_size)
                    found = CachedRecording(recording.path, recording.tags, final)
        return found
    except OSError as e:
        raise ConfigurationError(
            f'cache {folder}: cannot be written: {e.strerror or one_line(e)}; free some space, '
            'choose another folder, or store smaller frames'
        ) from e


def _digest(recording: SourceRecording, max_size: ImageSize | None) -> str:
    """Hash all that decides the frames."""
    options = recording.options
    settings = (_VERSION, recording.path.resolve(), recording.tags, recording.form, options)
    digest = hashlib.sha256(repr((*settings, max_size)).encode())
    try:
        for path in sorted(recording.files()):
            status = path.stat()
            # A copy may keep size and time of modification; that of the change it cannot.
            told = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            # However the recording is called, its files are called the same.
            digest.update(f'{os.path.relpath(path, recording.path)} {told}\n'.encode())
    except OSError as e:
        where = e.filename or recording.path
        raise RecordingError(f'{where}: cannot be read: {e.strerror}') from e
    return digest.hexdigest()[:16]


def _opened(recording: SourceRecording, final: Path) -> CachedRecording | None:
    """Return an entry, or None if it is missing or damaged."""
    try:
        return CachedRecording(recording.path, recording.tags, final)
    except _DAMAGE:
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process in at a time; the file is gone when the last one leaves."""
    while True:
        with path.open('w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(path, file.fileno()):
                # The process before removed it, so the next one would not meet this lock.
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _fill(
    recording: SourceRecording, final: Path, progress: Progress, max_size: ImageSize | None
) -> None:
    if final.exists():
        # It is damaged.
        shutil.rmtree(final)
    part = Path(tempfile.mkdtemp(prefix='.part-', dir=final.parent))
    try:
        with ExitStack() as stack:
            store = _Store(part, stack)
            for i, (image, tags) in enumerate(recording):
                progress(f'decoding {recording.path.name}', i, len(recording))
                store.add(*_shrunk(image, tags, max_size))
            store.finish(recording)
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _shrunk(
    image: ByteArray, tags: ByteArray, max_size: ImageSize | None
) -> tuple[ByteArray, ByteArray]:
    size = ImageSize.of(image)
    scale = min(max_size.height / size.height, max_size.width / size.width) if max_size else 1.0
    if scale >= 1.0:
        return image, tags
    size = ImageSize(max(1, round(size.height * scale)), max(1, round(size.width * scale)))
    return resize_image(image, size), resize_ids(tags, size)


class _Store:
    """The files of a cache that is being written; written, not mapped: a full disk is an error."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._files: dict[ImageSize, tuple[_GrowingArray, _GrowingArray]] = {}
        self._slots: list[tuple[int, int, int]] = []

    def add(self, image: ByteArray, tags: ByteArray) -> None:
        """Append a frame to the files of its size."""
        size = ImageSize.of(image)
        if size not in self._files:
            self._files[size] = self._new(f'{size}-images'), self._new(f'{size}-tags')
        images, labels = self._files[size]
        self._slots.append((*size, images.append(image)))
        labels.append(tags)

    def finish(self, recording: Recording) -> None:
        """Complete all files and write the index."""
        for array in (array for pair in self._files.values() for array in pair):
            array.finish()
        index = {
            'names': list(recording.names),
            'sequences': list(recording.sequences),
            'slots': self._slots,
        }
        with (self._folder / _INDEX).open('w') as file:
            file.write(json.dumps(index))
            file.flush()
            os.fsync(file.fileno())

    def _new(self, name: str) -> _GrowingArray:
        path = self._folder / f'{name}.npy'
        return _GrowingArray(self._stack.enter_context(path.open('wb')))


class _GrowingArray:
    """An .npy file of uint8 whose length is known at its end."""

    # A multiple of 64 that holds any shape, as the format asks.
    _HEADER_BYTES = 128

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._shape: tuple[int, ...] = ()
        self._length = 0
        file.write(bytes(self._HEADER_BYTES))

    def append(self, array: ByteArray) -> int:
        """Append an array of the shape of all the others; return its position."""
        self._shape = array.shape
        self._file.write(np.ascontiguousarray(array).data)
        self._length += 1
        return self._length - 1

    def finish(self) -> None:
        """Write the header; wait until all is on the disk."""
        shape = (self._length, *self._shape)
        begin = np.lib.format.magic(1, 0) + (self._HEADER_BYTES - 10).to_bytes(2, 'little')
        text = repr({'descr': '|u1', 'fortran_order': False, 'shape': shape})
        self._file.seek(0)
        self._file.write(begin + text.ljust(self._HEADER_BYTES - 11).encode() + b'\n')
        self._file.flush()
        os.fsync(self._file.fileno())
