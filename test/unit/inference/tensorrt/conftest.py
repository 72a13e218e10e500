"""The real TensorRT-RTX builder, which needs no GPU, who watches it, and a cache of engines."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from unet_seg_ros.core.backend import Watch
from unet_seg_ros.inference.tensorrt.build import BuildRequest
from unet_seg_ros.inference.tensorrt.cache import EngineCache
from unet_seg_ros.inference.tensorrt.entry import CachedEngine
from unet_seg_ros.inference.tensorrt.flavours import FLAVOURS, Flavour


class Listener(Watch):
    """Keeps what it hears; `before` is called whenever it is asked whether to stop."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stops = False
        self.before: Callable[[], None] = lambda: None

    def say(self, line: str) -> None:
        self.lines.append(line)

    def is_stopped(self) -> bool:
        self.before()
        return self.stops


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope='session')
def rtx() -> Flavour:
    """Return TensorRT-RTX; it must be installed where it has wheels."""
    if platform.machine() != 'x86_64':
        pytest.skip('TensorRT-RTX has wheels for x86-64 alone')
    return FLAVOURS['tensorrt_rtx']


@pytest.fixture
def model(known_model, tmp_path) -> Path:
    """Return a copy of the known model that a test may change."""
    return Path(shutil.copy(known_model, tmp_path / 'known.onnx'))


@pytest.fixture
def request_(rtx, model) -> BuildRequest:
    """Return what asks for the model's engine for one image."""
    return BuildRequest(model, rtx, 1)


@pytest.fixture
def cache(tmp_path) -> EngineCache:
    """Return a cache whose folder is not there yet."""
    return EngineCache(tmp_path / 'engines')


@pytest.fixture(scope='session')
def built_before(rtx, known_model, tmp_path_factory) -> Path:
    """Return a cache that holds the known model's engine for one image; `built` copies it."""
    folder = tmp_path_factory.mktemp('built') / 'engines'
    EngineCache(folder).load_or_build(BuildRequest(known_model, rtx, 1), Watch())
    return folder


@pytest.fixture
def built(cache, request_, built_before) -> CachedEngine:
    """Return the engine that the cache holds."""
    shutil.copytree(built_before, cache.folder)
    engine = cache.load_or_build(request_, Watch())
    assert not engine.was_built
    return engine
