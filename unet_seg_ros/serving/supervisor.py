"""One engine that keeps serving while engines are built, fail, recover and are replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Condition, Lock, Thread

from unet_seg_ros.core.backend import EngineOptions, Watch
from unet_seg_ros.core.contract import read_contract
from unet_seg_ros.core.errors import (
    ConfigurationError,
    EngineError,
    FrameError,
    LostGpuError,
    UserError,
)
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.core.segmenter import CameraOptions, Segmentation
from unet_seg_ros.serving.events import EngineRequest, EngineStatus, Listener
from unet_seg_ros.serving.opening import CPU_ENGINES, OpenEngine, open_engine, open_first
from unet_seg_ros.serving.state import ServingState

# How often a thread that waits for the one that opens engines looks whether the process is to end.
_LOOK_S = 0.1

# How long an ending process waits for an engine that is just being opened.
_FAREWELL_S = 0.5

_LONGEST_DELAY_S = 30.0


def backoff_s(num_attempts: int) -> float:
    """Return how long to wait before an engine is opened again after so many vain attempts [s]."""
    return min(2.0 ** (num_attempts - 1), _LONGEST_DELAY_S) if num_attempts else 0.0


class EngineSupervisor:
    """
    Opens the engine that was asked for, and segments with the best that is to be had just then.

    One thread of its own opens engines; one other thread may call `segment`, any thread the rest.
    Engines are exchanged between two frames. An engine that fails on a frame is closed and opened
    again, the first time at once, then after 1, 2, 4 ... 30 s, until it segments a frame; one that
    could not be opened while the fallback served, in the same way. Where the process has lost the
    GPU nothing is opened on it any more: the fallback serves, or the listener hears of a crash.

    Parameters
    ----------
    request : EngineRequest
        Which engine is to serve.
    listener : Listener, optional
        Hears what happens.
    overlay_opacity : float
        Share of the class colour in an overlay, 0 to 1.
    wait : callable
        Waits on a condition for so many seconds and returns False if nothing came; tests give
        one that takes no time.

    """

    def __init__(
        self,
        request: EngineRequest,
        listener: Listener | None = None,
        overlay_opacity: float = 0.5,
        wait: Callable[[Condition, float], bool] = Condition.wait,
    ) -> None:
        """Open nothing yet."""
        self._request = request
        self._listener = listener or Listener()
        self._wait = wait
        self._thread = Thread(target=self._run, name='engines', daemon=True)
        # Held while a frame is segmented and while engines are exchanged; taken before the next.
        self._in_use = Lock()
        # Guards all that follows, never for long.
        self._changed = Condition()
        self._overlay_opacity = overlay_opacity
        self._state = ServingState(model=request.model, job=f'{request.backend} is being opened')
        self._is_closing = False

    def start(self) -> None:
        """
        Return once an engine serves: that asked for, or the fallback while the former is built.

        Raises
        ------
        UserError
            If no engine can be opened, or the listener tells to stop.

        """
        self._thread.start()
        may_fall_back = self._request.cpu_fallback
        while not self._has_begun(may_fall_back):
            self._serve_meanwhile(self._request.backend)
            may_fall_back = False

    def _has_begun(self, may_fall_back: bool) -> bool:
        """Return whether an engine serves; False where the fallback is to do so meanwhile."""
        with self._changed:
            while self._state.serving() is None:
                if self._state.refusal is not None:
                    raise self._state.refusal
                if self._listener.is_stopped():
                    raise EngineError(f'stopped while {self._state.job}')
                if self._state.progress and may_fall_back:
                    return False
                self._changed.wait(_LOOK_S)
            return True

    def segment(
        self, batch: Sequence[tuple[RawFrame, CameraOptions]]
    ) -> list[Segmentation | FrameError]:
        """
        Segment frames of several cameras at once, as `Segmenter.segment_batch` does.

        Raises
        ------
        EngineError
            If the engine fails on them or none serves.

        """
        with self._in_use:
            engine = self._state.serving()
            if engine is None:
                raise EngineError(f'no engine serves: {self._state.fault or self._state.job}')
            try:
                results = engine.segmenter.segment_batch(batch)
            except EngineError as e:
                self._fail(engine, e)
                raise
            if engine is self._state.engine:
                self._state.num_attempts = 0
            return results

    def swap(self, model: Path) -> None:
        """
        Let another model take over as soon as it is loaded and checked; return at once.

        If it cannot, the present one stays; `status` and the listener tell.

        Raises
        ------
        ModelError
            If the file does not keep the contract.
        ConfigurationError
            If other work is being done.

        """
        read_contract(model)
        with self._changed:
            if self._state.job:
                raise ConfigurationError(f'model {model}: {self._state.job}: try again after that')
            self._state.swap = model
            self._state.job = f'model {model} is being loaded'
            self._changed.notify_all()

    @property
    def model(self) -> Path:
        """The model file that serves, or is to serve again."""
        return self._state.model

    @property
    def max_batch(self) -> int:
        """How many frames engines are opened for at once."""
        return self._request.options.max_batch

    def is_swapping(self) -> bool:
        """Return whether a swap has not come to its end yet."""
        return self._state.swap is not None

    def set_overlay_opacity(self, share: float) -> None:
        """Set the share of the class colour in overlays, 0 to 1, for all frames to come."""
        with self._changed:
            self._overlay_opacity = share
            for engine in filter(None, (self._state.engine, self._state.fallback)):
                engine.segmenter.renderer.overlay_opacity = share

    def status(self) -> EngineStatus | None:
        """Return how things stand; None before the first engine serves."""
        with self._changed:
            engine = self._state.serving() or self._state.engine
            return None if engine is None else EngineStatus(engine, *self._state.judge())

    def close(self) -> None:
        """Give up what is being done and close all engines; `segment` must not be called again."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        while self._thread.is_alive() and not self._listener.is_stopped():
            self._thread.join(_LOOK_S)
        if self._thread.is_alive():
            # An ending process does not wait for a library that cannot be interrupted.
            self._thread.join(_FAREWELL_S)
        for engine in filter(None, (self._state.engine, self._state.fallback)):
            engine.close()
        self._state.engine = self._state.fallback = None

    def _fail(self, engine: OpenEngine, error: EngineError) -> None:
        # A fallback's failure is that of one frame: there is nothing to take its place.
        if engine is not self._state.engine:
            return
        with self._changed:
            self._state.fault = str(error)
            self._state.is_lost = isinstance(error, LostGpuError)
            is_swapping = self._state.swap is not None
            self._changed.notify_all()
        if isinstance(error, LostGpuError):
            self._do_without(engine.backend.name, error)
            return
        self._listener.error(f'{error}: {engine.backend.name} is opened again')
        if is_swapping:
            # The thread that opens engines has other work, for minutes perhaps.
            self._serve_meanwhile(engine.backend.name)

    def _do_without(self, lost: str, error: LostGpuError) -> None:
        """Let the fallback serve until this process ends; without one that is now."""
        self._serve_meanwhile(lost)
        if self._state.serving():
            self._listener.error(str(error))
        else:
            self._listener.crashed(error)

    def _run(self) -> None:
        try:
            self._open()
            while (work := self._next_work()) is not None:
                work()
        except Exception as e:  # noqa: BLE001 - a bug must end the process, which raises it
            self._crash(e)

    def _crash(self, error: Exception) -> None:
        with self._changed:
            # Before that, `start` raises it.
            has_begun = self._state.has_begun()
            self._state.refusal = error
            self._changed.notify_all()
        if has_begun:
            self._listener.crashed(error)

    def _next_work(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._is_closing:
                if self._state.swap is not None:
                    return self._load_model
                if not self._state.fault or self._state.is_lost:
                    self._changed.wait()
                elif not self._wait(self._changed, backoff_s(self._state.num_attempts)):
                    self._state.job = 'the engine is being opened again'
                    return self._open
            return None

    def _open(self) -> None:
        """Open the engine that was asked for: at first, or again after it has failed."""
        before = self._state.engine
        name = before.backend.name if before else self._request.backend
        is_again = bool(self._state.fault)
        if before:
            before.close()
        if is_again:
            self._state.num_attempts += 1
            self._serve_meanwhile(name)
        try:
            engine = open_engine(self._state.model, name, self._options())
        except UserError as e:
            self._refuse(name, e)
            return
        if before:
            engine = replace(engine, passed_over=before.passed_over)
        self._exchange(engine, self._state.model)
        if is_again and not self._is_closing:
            self._listener.info(f'{engine.backend.name} has recovered')

    def _refuse(self, name: str, error: UserError) -> None:
        """Try again later if somebody serves, or has served; else let `start` raise it."""
        with self._changed:
            has_begun = self._state.has_begun()
            if has_begun:
                self._state.fault = str(error)
                self._state.is_lost = isinstance(error, LostGpuError)
                self._state.num_attempts = max(1, self._state.num_attempts)
            else:
                self._state.refusal = error
            self._state.end_job()
            self._changed.notify_all()
        if not has_begun or self._is_closing:
            return
        if isinstance(error, LostGpuError):
            self._do_without(name, error)
        else:
            delay_s = backoff_s(self._state.num_attempts)
            self._listener.error(f'{error}: {name} is opened again in {delay_s:.0f} s')

    def _load_model(self) -> None:
        model = self._state.swap
        assert model is not None
        if self._state.fault and self._state.engine is not None:
            # What it holds on the GPU may be wanted there.
            self._state.engine.close()
        try:
            engine = open_engine(model, self._request.backend, self._options())
        except UserError as e:
            with self._changed:
                self._state.rejected = f'model {model} not taken: {e}; {self._state.model} stays'
                self._state.end_job()
                self._changed.notify_all()
            if not self._is_closing:
                self._listener.error(self._state.rejected)
        else:
            self._state.num_attempts = 0
            self._exchange(engine, model)
        if not self._is_closing:
            self._listener.swapped()

    def _serve_meanwhile(self, failed: str) -> None:
        """Let a CPU engine serve, if that is allowed and helps, until the other one does."""
        if failed in CPU_ENGINES or self._state.fallback or not self._request.cpu_fallback:
            return
        # In whatever the CPU is good at: the precision asked for is that of the GPU engine.
        asked = self._request.options
        options = EngineOptions(num_threads=asked.num_threads, max_batch=asked.max_batch)
        try:
            fallback = open_first(self._state.model, CPU_ENGINES, options)
        except UserError as e:
            self._listener.error(f'no fallback: {e}')
            return
        with self._changed:
            if self._state.needs_fallback() and not self._is_closing:
                fallback.segmenter.renderer.overlay_opacity = self._overlay_opacity
                self._state.fallback = fallback
                self._listener.info(f'{fallback}, as the fallback')
                return
        fallback.close()

    def _exchange(self, engine: OpenEngine, model: Path) -> None:
        """Let an engine serve from the next frame on, and close those that it replaces."""
        with self._in_use, self._changed:
            if self._is_closing:
                unused: list[OpenEngine | None] = [engine]
            else:
                self._announce(engine)
                engine.segmenter.renderer.overlay_opacity = self._overlay_opacity
                unused = [self._state.engine, self._state.fallback]
                self._state.engine, self._state.fallback, self._state.model = engine, None, model
                self._state.fault, self._state.rejected, self._state.refusal = '', '', None
                self._state.is_lost = False
                self._state.end_job()
                self._changed.notify_all()
        for old in filter(None, unused):
            old.close()

    def _announce(self, engine: OpenEngine) -> None:
        said = self._state.engine.passed_over if self._state.engine else ()
        for line in engine.passed_over:
            if line not in said:
                self._listener.info(line)
        self._listener.info(str(engine))

    def _options(self) -> EngineOptions:
        return replace(self._request.options, watch=_Following(self))

    def _follow(self, line: str) -> None:
        with self._changed:
            self._state.progress = line
            self._changed.notify_all()
        self._listener.info(line)

    def _is_given_up(self) -> bool:
        return self._is_closing or self._listener.is_stopped()


class _Following(Watch):
    """Follows the opening of one engine."""

    def __init__(self, supervisor: EngineSupervisor) -> None:
        self._supervisor = supervisor

    def say(self, line: str) -> None:
        self._supervisor._follow(line)

    def is_stopped(self) -> bool:
        return self._supervisor._is_given_up()
