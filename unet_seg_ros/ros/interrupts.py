"""What Ctrl-C does to the node's process, from its first import on."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Interrupts:
    """
    What SIGINT does to a process, besides what rclpy does about it; make it before ``rclpy.init``.

    Nothing raises KeyboardInterrupt: while extensions are imported it would be lost, or crash the
    process, and later it would meet the executor, locks and the freeing of things anywhere.
    Until SIGINT is left to ROS nothing is held, and it ends the process at once, with status 0.
    Then rclpy shuts the context down on it, as on SIGTERM.
    """

    def __init__(self) -> None:
        """Take SIGINT."""
        self._is_left_to_ros = False
        signal.signal(signal.SIGINT, self._interrupt)

    def leave_to_ros(self) -> None:
        """Leave the first SIGINT to come to ROS; a second one ends the process at once."""
        self._is_left_to_ros = True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._is_left_to_ros:
            os._exit(0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
