"""Fixtures of the tests of serving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import stand_in_engines
from support.known_model import write_known_model
from support.stand_in_engines import Faults
from support.supervision import Scene

from unet_seg_ros.core.size import ImageSize


@pytest.fixture
def faults(monkeypatch) -> Faults:
    """Return the switches of a stand-in for a GPU engine, which is called tensorrt."""
    return stand_in_engines.install(monkeypatch)


@pytest.fixture
def scene(known_model) -> Iterator[Scene]:
    """Return what starts a supervisor of the known model; it is closed with the test."""
    scene = Scene(known_model)
    yield scene
    if scene.supervisor is not None:
        scene.supervisor.close()
    assert not scene.notes.bugs


@pytest.fixture
def other_model(tmp_path) -> Path:
    """Return a model whose masks tell it from the known one: of 16x32 px."""
    return write_known_model(tmp_path / 'other.onnx', ImageSize(16, 32))
