"""The one thread that infers: callbacks leave frames, it takes the newest and publishes."""

from __future__ import annotations

from threading import Thread

from rclpy.task import Future

from unet_seg_ros.core.errors import EngineError, FrameError
from unet_seg_ros.core.newest import NewestSlots
from unet_seg_ros.ros.camera import Arrival, CameraChannel
from unet_seg_ros.ros.conversion import to_frame
from unet_seg_ros.serving.supervisor import EngineSupervisor


class SegmentationWorker:
    """
    Segments the newest frame of each camera in turn, from `start` to `stop`.

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

    """

    def __init__(
        self, engine: EngineSupervisor, channels: list[CameraChannel], crashed: Future
    ) -> None:
        """Make the slots; no thread runs yet."""
        self._engine = engine
        self._channels = {c.settings.name: c for c in channels}
        self._crashed = crashed
        self._slots: NewestSlots[Arrival] = NewestSlots(list(self._channels))
        self._thread = Thread(target=self._run, name='segmentation', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let the frame in work end, forget those that wait, and end the thread."""
        self._slots.close()
        if self._thread.is_alive():
            self._thread.join()

    def offer(self, camera: str, arrival: Arrival) -> None:
        """Leave a camera's newest frame; one that still waited counts as dropped."""
        if self._slots.put(camera, arrival):
            self._channels[camera].statistics.dropped += 1

    def _run(self) -> None:
        try:
            while (item := self._slots.take()) is not None:
                self._segment(self._channels[item[0]], item[1])
        except Exception as e:  # noqa: BLE001 - a bug must end the process, which raises it
            self._crashed.set_exception(e)

    def _segment(self, channel: CameraChannel, arrival: Arrival) -> None:
        statistics = channel.statistics
        if not channel.is_watched():
            statistics.unwatched += 1
            channel.publish_info(arrival)
            return
        try:
            result = self._engine.segment(to_frame(arrival.message))
        except FrameError as e:
            statistics.refused += 1
            channel.logger.warning(f'frame dropped: {e}', throttle_duration_sec=5.0)
        except EngineError as e:
            statistics.failed += 1
            channel.logger.error(f'frame dropped: {e}', throttle_duration_sec=5.0)
        else:
            channel.publish(arrival, result)
            statistics.engine_s.append(result.inference_s)
            statistics.segmented += 1
