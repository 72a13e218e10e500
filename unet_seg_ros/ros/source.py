"""What every camera source shares: its life as a process, its pace, its log of what was sent."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

import rclpy
from builtin_interfaces.msg import Time
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import try_shutdown

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.ros.messages import stamp_ns
from unet_seg_ros.ros.shared_memory import prepare

#: As the CARLA ROS bridge publishes: reliable, volatile, the last ten kept.
SOURCE_QOS = QoSProfile(depth=10)

# A source that is late by more gives up the lost time instead of sending a burst to catch up.
_CATCH_UP_S = 0.05

# How often it is asked whether a wait has an end.
_ASK_PERIOD_S = 0.02

# How long the last messages may take to reach their readers before the source goes.
_FAREWELL_S = 1.0


@contextmanager
def ros_node(name: str) -> Iterator[Node]:
    """
    Give a process its node, and take it down again however the block ends.

    SIGINT and SIGTERM both raise KeyboardInterrupt in the main thread, so that no call into ROS
    meets a context that a signal handler has shut down under it.

    Parameters
    ----------
    name : str
        The node's name.

    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    notice = prepare()
    previous = signal.signal(signal.SIGTERM, interrupt)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = Node(name)
        try:
            if notice:
                node.get_logger().info(notice)
            yield node
        finally:
            node.destroy_node()
    finally:
        try_shutdown()
        signal.signal(signal.SIGTERM, previous)


class Pace:
    """
    Waits for moments on the steady clock while the node's own services answer.

    Parameters
    ----------
    node : Node
        The node to spin meanwhile.

    """

    def __init__(self, node: Node) -> None:
        """Begin; the clock starts with the first `wait`."""
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._start_s: float | None = None

    def wait(self, offset_s: float, is_called_off: Callable[[], bool] = lambda: False) -> bool:
        """
        Return when so much time has passed since the first call's own moment.

        Returns
        -------
        bool
            Whether it has; False if it was called off before, which is asked often.

        """
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s - offset_s
        if now_s - (self._start_s + offset_s) > _CATCH_UP_S:
            self._start_s = now_s - offset_s
        due_s = self._start_s + offset_s
        while not is_called_off():
            left_s = due_s - time.monotonic()
            if left_s <= 0:
                return True
            self._executor.spin_once(timeout_sec=min(left_s, _ASK_PERIOD_S))
        return False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when a condition has come true; it is asked often."""
        while not condition():
            self._spin_until(time.monotonic() + _ASK_PERIOD_S)

    def say_farewell(self) -> None:
        """Stay so long that the last messages reach their readers."""
        self._spin_until(time.monotonic() + _FAREWELL_S)

    def _spin_until(self, moment_s: float) -> None:
        while (left_s := moment_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)


class SentLog:
    """
    A file of what was sent: one line ``stamp_ns,steady_ns`` for each image.

    The steady clock is the same in all processes of a machine, so a reader elsewhere can tell an
    image's age even when stamps are on a simulated clock.

    Parameters
    ----------
    path : Path or None
        The file; None writes nothing.

    Raises
    ------
    ConfigurationError
        If the file cannot be written.

    """

    def __init__(self, path: Path | None) -> None:
        """Open the file."""
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            self._file = path.open('w', buffering=1)
        except OSError as e:
            raise ConfigurationError(f'log {path}: cannot be written: {e.strerror}') from e

    def sending(self, stamp: Time) -> None:
        """Note that the image of this stamp is about to be published."""
        if self._file is not None:
            self._file.write(f'{stamp_ns(stamp)},{time.monotonic_ns()}\n')

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
