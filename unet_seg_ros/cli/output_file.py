"""Files that verbs write where an option says."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from unet_seg_ros.core.errors import ConfigurationError


def write_whole(path: Path, option: str, data: bytes) -> None:
    """
    Write a file so that it is there whole, or as it was before.

    Parameters
    ----------
    path : Path
        The file.
    option : str
        What named it, for the message.
    data : bytes
        All that is to be in it.

    Raises
    ------
    ConfigurationError
        If it cannot be written.

    """
    part = path.with_name(f'.{path.name}.part')
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as e:
        with suppress(OSError):
            part.unlink()
        raise ConfigurationError(f'{option} {path}: cannot be written: {e.strerror}') from e
