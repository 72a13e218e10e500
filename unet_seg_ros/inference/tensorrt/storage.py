"""
Files that may be trusted to hold code: who owns them, and that they are written whole.

An engine runs code when it is loaded, so the folder and its files must belong to root or to the
running user, and nobody else may write to them. What is checked is the open file, not its name.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unet_seg_ros.core.errors import EngineError

#: What a file that is being written is called; one that stays behind was left by a killed process.
PART = '.part-'


def require_trusted(found: os.stat_result, path: Path) -> None:
    """
    Refuse what another user could have written.

    Raises
    ------
    EngineError
        If another user owns it, or may write to it.

    """
    if found.st_uid not in (0, os.geteuid()):
        raise EngineError(
            f'{path}: belongs to user {found.st_uid}, and engines run code: '
            'remove it, or name another folder'
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EngineError(
            f'{path}: others may write to it, and engines run code: chmod go-w {path}, if you '
            'know what it holds'
        )


def read_trusted(path: Path) -> bytes:
    """
    Read a file that only root or the running user can have written.

    Raises
    ------
    EngineError
        If it or its folder can have been written by others, or it is no plain file.
    FileNotFoundError
        If it is not there.

    """
    try:
        with _opened(path.parent, os.O_DIRECTORY) as folder:
            require_trusted(os.fstat(folder), path.parent)
            # In the folder that was checked, whatever has its name by now. Without O_NONBLOCK a
            # pipe of that name would wait for a writer.
            flags = os.O_NOFOLLOW | os.O_NONBLOCK
            with _opened(path, flags, folder) as file:
                found = os.fstat(file)
                if not stat.S_ISREG(found.st_mode):
                    raise EngineError(f'{path}: is no plain file: remove it')
                require_trusted(found, path)
                with os.fdopen(file, 'rb', closefd=False) as stream:
                    return stream.read()
    except FileNotFoundError:
        raise
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise EngineError(f'{path}: is a symbolic link: remove it') from e
        raise EngineError(f'{path}: cannot be read: {e.strerror}') from e


def make_folder(folder: Path) -> None:
    """Make a folder that nobody else may write to, whatever the umask, if it is not there."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)


def new_part(folder: Path) -> Path:
    """Make an empty file, readable by this user alone, that is to become a file of a folder."""
    descriptor, name = tempfile.mkstemp(prefix=PART, dir=folder)
    os.close(descriptor)
    return Path(name)


def write_whole(path: Path, data: bytes) -> None:
    """
    Write a file so that it is there whole or not at all, even if the power fails.

    Raises
    ------
    OSError
        If it cannot be written; nothing of it stays behind.

    """
    part = new_part(path.parent)
    try:
        part.write_bytes(data)
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)


def publish(part: Path, path: Path) -> None:
    """Give a complete file its name, once it is on the disk."""
    part.chmod(0o644)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def remove_parts(folder: Path) -> list[Path]:
    """Remove what killed processes left; the caller holds the folder's lock. Return it."""
    left = sorted(folder.glob(f'{PART}*'))
    for path in left:
        with suppress(FileNotFoundError):
            path.unlink()
    return left


def _sync(path: Path) -> None:
    with _opened(path) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _opened(path: Path, flags: int = 0, folder: int | None = None) -> Iterator[int]:
    # By its name alone in an open folder; the whole path makes errors name the file all the same.
    name = path if folder is None else path.name
    try:
        descriptor = os.open(name, os.O_RDONLY | flags, dir_fd=folder)
    except OSError as e:
        e.filename = str(path)
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)
