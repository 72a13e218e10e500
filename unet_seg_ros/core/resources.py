"""Where the shipped files lie, however the package was installed, and where it keeps its own."""

from __future__ import annotations

import os
from pathlib import Path

from unet_seg_ros.core.errors import ConfigurationError

#: Folders of a checkout, by their names below ``share/unet_seg_ros``.
_CHECKOUT_FOLDERS = {'config': 'config', 'launch': 'launch', 'models': 'resource/models'}

DEFAULT_MODEL = 'unet_town02.onnx'


def shared_file(folder: str, name: str) -> Path:
    """
    Return the path of a file that the package ships.

    A checkout's own files come first; an installed package has them below the
    ``share/unet_seg_ros`` of its prefix, be that colcon's or pip's.

    Parameters
    ----------
    folder : str
        ``config``, ``launch`` or ``models``.
    name : str
        The file's name in it.

    Raises
    ------
    ConfigurationError
        If the file is nowhere.

    """
    package = Path(__file__).resolve().parents[1]
    places = [package.parent / _CHECKOUT_FOLDERS[folder]]
    places += [parent / 'share' / 'unet_seg_ros' / folder for parent in package.parents]
    for place in places:
        if (place / name).is_file():
            return place / name
    raise ConfigurationError(
        f'{folder}/{name} of unet_seg_ros is not beside {package}: install the package again'
    )


def user_cache() -> Path:
    """Return the folder of this user in which the package keeps what it can make again."""
    home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(home).expanduser() / 'unet_seg_ros'
