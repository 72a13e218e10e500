"""A supervisor in the hands of a test: what it was told, delays that take no time, frames."""

from __future__ import annotations

from pathlib import Path
from threading import Condition, Event, Thread

import numpy as np
import pytest

from support.waiting import wait_until
from unet_seg_ros.core.errors import EngineError, FrameError
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.segmenter import CameraOptions, Segmentation
from unet_seg_ros.serving.events import EngineRequest, Listener
from unet_seg_ros.serving.supervisor import EngineSupervisor

FRAME = RawFrame.from_bgr(np.full((32, 64, 3), 130, np.uint8))


class Notes(Listener):
    def __init__(self) -> None:
        self.infos: list[str] = []
        self.errors: list[str] = []
        self.num_swaps = 0
        self.bugs: list[Exception] = []
        self.stop = Event()

    def info(self, line: str) -> None:
        self.infos.append(line)

    def error(self, line: str) -> None:
        self.errors.append(line)

    def is_stopped(self) -> bool:
        return self.stop.is_set()

    def swapped(self) -> None:
        self.num_swaps += 1

    def crashed(self, error: Exception) -> None:
        self.bugs.append(error)


class Delays:
    """Waits no time: the delays that were asked for, each over when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._is_over = False

    def __call__(self, condition: Condition, delay_s: float) -> bool:
        if delay_s == 0:
            return False
        self._condition, self._is_over = condition, False
        self.asked.append(delay_s)
        # Without a timeout, between whose end and the next wait a notification would be lost.
        condition.wait()
        return not self._is_over

    def end(self) -> None:
        """Let the delay that was asked for last be over."""
        with self._condition:
            self._is_over = True
            self._condition.notify_all()


class Scene:
    """A supervisor that the test starts, with all that it was told."""

    def __init__(self, model: Path) -> None:
        self.model = model
        self.notes = Notes()
        self.delays = Delays()
        self.supervisor: EngineSupervisor | None = None

    def make(self, backend: str = 'tensorrt', cpu_fallback: bool = False) -> EngineSupervisor:
        request = EngineRequest(model=self.model, backend=backend, cpu_fallback=cpu_fallback)
        self.supervisor = EngineSupervisor(request, self.notes, 0.5, self.delays)
        return self.supervisor

    def start(self, backend: str = 'tensorrt', cpu_fallback: bool = False) -> EngineSupervisor:
        supervisor = self.make(backend, cpu_fallback)
        supervisor.start()
        return supervisor


def join(thread: Thread) -> None:
    wait_until(lambda: not thread.is_alive(), f'the end of {thread.name}')


def segment(supervisor: EngineSupervisor, frame: RawFrame = FRAME) -> Segmentation:
    (result,) = supervisor.segment([(frame, CameraOptions())])
    if isinstance(result, FrameError):
        raise result
    return result


def serves(supervisor: EngineSupervisor) -> str:
    return supervisor.status().engine.backend.name


def fail(supervisor: EngineSupervisor, kind: type[EngineError] = EngineError) -> None:
    """
    Let the engine that serves fail on one frame.

    That engine alone: the supervisor opens another one at once, and shows it frames of its own
    before the test could switch a fault of all engines off.
    """
    engine = supervisor.status().engine.backend

    def lose_device(images_nhwc: np.ndarray) -> None:
        raise kind(f'backend {engine.name}: device lost')

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, '_infer', lose_device)
        with pytest.raises(kind, match='device lost'):
            segment(supervisor)
