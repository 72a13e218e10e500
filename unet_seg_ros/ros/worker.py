"""The one thread that infers: callbacks leave frames, it takes the newest and publishes."""

from __future__ import annotations

import time
from threading import Thread

from rclpy.task import Future

from unet_seg_ros.core.errors import EngineError, FrameError
from unet_seg_ros.core.newest import NewestSlots
from unet_seg_ros.core.pixels import RawFrame
from unet_seg_ros.ros.camera import Arrival, CameraChannel
from unet_seg_ros.ros.conversion import to_frame
from unet_seg_ros.ros.processing_time import ProcessingTimes
from unet_seg_ros.serving.supervisor import EngineSupervisor


class SegmentationWorker:
    """
    Segments the newest frames, those of several cameras as one batch, from `start` to `stop`.

    A frame that cannot be read, or that the engine fails on, is counted, warned about and
    produces nothing. Any other exception is a bug: it ends the thread and is handed to `crashed`.

    Parameters
    ----------
    engine : EngineSupervisor
        Started.
    channels : list of CameraChannel
        The cameras.
    crashed : Future
        Receives the exception of a bug.
    times : ProcessingTimes
        Is told what each batch took.

    """

    def __init__(
        self,
        engine: EngineSupervisor,
        channels: list[CameraChannel],
        crashed: Future,
        times: ProcessingTimes,
    ) -> None:
        """Make the slots; no thread runs yet."""
        self._engine = engine
        self._channels = {c.settings.name: c for c in channels}
        self._crashed = crashed
        self._times = times
        self._slots: NewestSlots[Arrival] = NewestSlots(list(self._channels), engine.max_batch)
        self._thread = Thread(target=self._run, name='segmentation', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let the frame in work end, forget those that wait, and end the thread."""
        self._slots.close()
        if self._thread.is_alive():
            self._thread.join()

    def set_batch_wait(self, seconds: float) -> None:
        """Set how long a frame may wait for those of other cameras [s]."""
        self._slots.wait_s = seconds

    def offer(self, camera: str, arrival: Arrival) -> None:
        """Leave a camera's newest frame; one that still waited counts as dropped."""
        if self._slots.put(camera, arrival):
            self._channels[camera].statistics.dropped += 1

    def _run(self) -> None:
        try:
            while taken := self._slots.take():
                self._segment([(self._channels[name], arrival) for name, arrival in taken])
        except Exception as e:  # noqa: BLE001 - a bug must end the process, which raises it
            self._crashed.set_exception(e)

    def _segment(self, batch: list[tuple[CameraChannel, Arrival]]) -> None:
        start_s = time.monotonic()
        read = [
            (channel, arrival, frame)
            for channel, arrival in batch
            if (frame := self._read(channel, arrival)) is not None
        ]
        if not read:
            return
        try:
            results = self._engine.segment([(frame, c.options) for c, _, frame in read])
        except EngineError as e:
            for channel, _, _ in read:
                channel.statistics.failed += 1
                channel.logger.error(f'frame dropped: {e}', throttle_duration_sec=5.0)
            return
        for (channel, arrival, _), result in zip(read, results, strict=True):
            if isinstance(result, FrameError):
                channel.refuse(result)
            elif not channel.is_stale(arrival):
                channel.publish(arrival, result)
                channel.statistics.engine_s.append(result.inference_s)
                channel.statistics.segmented += 1
        self._times.publish(start_s)

    def _read(self, channel: CameraChannel, arrival: Arrival) -> RawFrame | None:
        """Return the frame if somebody wants its results, and it is not too old already."""
        if channel.is_stale(arrival):
            return None
        try:
            if channel.is_watched():
                return to_frame(arrival.message)
            channel.publish_info_alone(arrival)
            channel.statistics.unwatched += 1
        except FrameError as e:
            channel.refuse(e)
        return None
