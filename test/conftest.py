"""Fixtures of every test: a model whose answers are known, and recordings if they are there."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.known_model import write_known_model

from unet_seg_ros.core.size import ImageSize

ROOT = Path(__file__).parents[1]

# Started in the background of a script, this process would ignore Ctrl-C, and so would all that it
# starts; several tests send one.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Messages read this when they are first imported: with it a field of a wrong type raises.
os.environ.setdefault('ROS_PYTHON_CHECK_FIELDS', '1')

# The runtime's tests must pass without the trainer's libraries.
HAS_TRAINER = find_spec('lightning') is not None
collect_ignore = [] if HAS_TRAINER else ['unit/training']


def pytest_report_header() -> str:
    return '' if HAS_TRAINER else "left out: the trainer's tests, for which `make test-training`"


def pytest_collection_modifyitems(config, items) -> None:
    """Leave out what needs a GPU, or torch where it lacks, unless asked for: then it fails."""
    absent = ('gpu',) if HAS_TRAINER else ('gpu', 'training')
    absent = [marker for marker in absent if marker not in config.option.markexpr]

    def is_left_out(item) -> bool:
        return any(item.get_closest_marker(marker) for marker in absent)

    config.hook.pytest_deselected(items=[item for item in items if is_left_out(item)])
    items[:] = [item for item in items if not is_left_out(item)]


@pytest.fixture(scope='session')
def known_model(tmp_path_factory) -> Path:
    """Return a model of 32x64 px input with known answers; see `write_known_model`."""
    path = tmp_path_factory.mktemp('model') / 'known.onnx'
    return write_known_model(path, ImageSize(32, 64))


@pytest.fixture(scope='session')
def shipped_model() -> Path:
    return ROOT / 'resource' / 'models' / 'unet_town02.onnx'


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of real recordings, from UNET_SEG_DATA or beside the checkout."""
    folder = Path(os.environ.get('UNET_SEG_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no recordings at {folder}; set UNET_SEG_DATA to a folder that has them')
    return folder
