"""What the node says of itself on ``/diagnostics``, one status for the engine and each camera."""

from __future__ import annotations

import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.task import Future

from unet_seg_ros.core.statistics import FrameStatistics, percentile_ms
from unet_seg_ros.ros.camera import CameraChannel
from unet_seg_ros.serving.events import EngineStatus, Level

_LEVELS = {
    Level.OK: DiagnosticStatus.OK,
    Level.WARN: DiagnosticStatus.WARN,
    Level.ERROR: DiagnosticStatus.ERROR,
}


def _status(
    level: bytes, name: str, message: str, values: Mapping[str, object]
) -> DiagnosticStatus:
    pairs = [KeyValue(key=k, value=str(v)) for k, v in values.items()]
    return DiagnosticStatus(level=level, name=name, message=message, values=pairs)


def engine_status(
    node_name: str, status: EngineStatus, is_active: bool, crashed: Future
) -> DiagnosticStatus:
    """Return the status of the engine; ERROR once the process is to end."""
    backend = status.engine.backend
    contract = backend.contract
    values = {
        'backend': backend.name,
        'precision': backend.precision,
        'model': contract.name,
        'model_file': backend.path,
        'input_size': contract.input_size,
        'classes': ', '.join(contract.table.names),
        'passed_over': '; '.join(status.engine.passed_over) or 'none',
        'known_answer': status.engine.known_answer or 'not needed',
    }
    level, message = _LEVELS[status.level], 'active' if is_active else 'inactive'
    if status.message:
        message += f': {status.message}'
    if crashed.done():
        level, message = (
            DiagnosticStatus.ERROR,
            f'inference has ended: {crashed.exception()!r}',
        )
    return _status(level, f'{node_name}: engine', message, values)


class CameraHealth:
    """
    Judges one camera by what changed since the last report.

    Parameters
    ----------
    node_name : str
        The node's name, the first half of the status's name.
    channel : CameraChannel
        The camera.
    silence_s : float
        Seconds without an image after which it is called silent.

    """

    def __init__(self, node_name: str, channel: CameraChannel, silence_s: float) -> None:
        """Start with nothing counted."""
        self._name = f'{node_name}: {channel.settings.name}'
        self._channel = channel
        self._silence_s = silence_s
        self._said_silent = False
        self._statistics = FrameStatistics()
        self._last = self._statistics.counts()
        self._last_time_s = time.monotonic()

    def status(self, is_active: bool) -> DiagnosticStatus:
        """Return the camera's status and start the next period."""
        statistics = self._channel.statistics
        if statistics is not self._statistics:  # begun anew
            self._statistics, self._last = statistics, FrameStatistics().counts()
        counts, now_s = statistics.counts(), time.monotonic()
        new = {name: counts[name] - self._last[name] for name in counts}
        rate_hz = new['segmented'] / max(now_s - self._last_time_s, 1e-9)
        self._last, self._last_time_s = counts, now_s
        values: dict[str, object] = {**counts, 'rate_hz': f'{rate_hz:.1f}'}
        for name, durations_s in (
            ('engine_ms', tuple(statistics.engine_s)),
            ('total_ms', tuple(statistics.total_s)),
        ):
            for percent in (50, 95, 99):
                values[f'{name}_p{percent}'] = f'{percentile_ms(durations_s, percent):.2f}'
        level, message = DiagnosticStatus.OK, 'inactive'
        if is_active:
            level, message = self._judge(new, now_s)
        return _status(level, self._name, message, values)

    def _judge(self, new: Mapping[str, int], now_s: float) -> tuple[bytes, str]:
        if new['failed']:
            return DiagnosticStatus.ERROR, f'the engine failed on {new["failed"]} frames'
        if new['refused']:
            return DiagnosticStatus.WARN, f'{new["refused"]} frames could not be read'
        if new['stale']:
            return DiagnosticStatus.WARN, f'{new["stale"]} frames were older than max_age_s'
        silent_s = now_s - self._channel.last_arrival_s
        if silent_s < self._silence_s:
            self._said_silent = False
            return DiagnosticStatus.OK, 'ok' if new['segmented'] else 'nothing to publish'
        message = f'no image on {self._channel.image_topic} for {silent_s:.0f} s'
        if not self._said_silent:
            reason = self._channel.silence_reason()
            hint = reason or 'it has a publisher, which sends nothing: is the camera running?'
            self._channel.logger.warning(f'{message}: {hint}')
            self._said_silent = True
        return DiagnosticStatus.WARN, message


class ClockHealth:
    """
    Warns once of simulated time that does not come.

    Parameters
    ----------
    node : Node
        The node whose clock it is.
    silence_s : float
        How long it may take to come [s].

    """

    def __init__(self, node: Node, silence_s: float) -> None:
        """Begin to wait."""
        self._node = node
        self._end_s = time.monotonic() + silence_s
        self._has_ended = False

    def check(self) -> None:
        """Look at the clock."""
        clock = self._node.get_clock()
        if self._has_ended or time.monotonic() < self._end_s:
            return
        self._has_ended = True
        is_simulated = self._node.get_parameter('use_sim_time').value
        if is_simulated and not clock.now().nanoseconds:
            self._node.get_logger().warning(
                'use_sim_time is set, but nothing comes on /clock: start the simulator or play '
                'with --clock, else set it to false; meanwhile max_age_s drops nothing'
            )


def diagnostic_array(stamp: object, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    """Return the message for ``/diagnostics``."""
    message = DiagnosticArray(status=statuses)
    message.header.stamp = stamp
    return message
