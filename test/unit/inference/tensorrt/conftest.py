"""The real TensorRT-RTX builder, which needs no GPU, and someone who watches it."""

from __future__ import annotations

import platform
from collections.abc import Callable

import pytest

from unet_seg_ros.core.backend import Watch
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
