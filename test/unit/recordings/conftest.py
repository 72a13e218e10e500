"""A small drive, and a cache for it that is not there yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.labelled_images import write_drive


@pytest.fixture
def drive(tmp_path) -> Path:
    """Return the folder of four labelled frames of two sizes."""
    return write_drive(tmp_path / 'drive')


@pytest.fixture
def cache_folder(tmp_path) -> Path:
    """Return where decoded recordings may be kept."""
    return tmp_path / 'cache'
