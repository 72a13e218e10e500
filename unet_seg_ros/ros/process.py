"""What a node's process needs in order to end whenever it is told to."""

from __future__ import annotations

import os
import signal
from threading import Timer
from types import FrameType

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

# How often an idle node looks whether it is to end.
_LOOK_S = 0.5

# How long what is under way may take after a signal.
_FAREWELL_S = 1.0


class Interrupts:
    """
    What SIGINT does to a process, besides what rclpy does about it; make it before ``rclpy.init``.

    It raises KeyboardInterrupt until it is left to ROS. A KeyboardInterrupt would later meet the
    executor, locks and the freeing of things anywhere, while rclpy shuts the context down on
    SIGINT as it does on SIGTERM.
    """

    def __init__(self) -> None:
        """Take SIGINT."""
        self._is_left_to_ros = False
        signal.signal(signal.SIGINT, self._interrupt)

    def leave_to_ros(self) -> None:
        """Raise nothing any more; a second SIGINT ends the process at once."""
        self._is_left_to_ros = True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._is_left_to_ros:
            raise KeyboardInterrupt
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def steady_clock() -> Clock:
    """Return the clock of timers that go on where simulated time stands still."""
    return Clock(clock_type=ClockType.STEADY_TIME)


def executor_of(node: Node, crashed: Future) -> SingleThreadedExecutor:
    """
    Return an executor whose `spin` ends on a signal, and raises what is set in a future.

    Parameters
    ----------
    node : Node
        The node, which is added to it.
    crashed : Future
        Receives the exception of a bug in another thread.

    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    # The bug leaves `spin` as the exception of a task. Jazzy's spin_until_future_complete would
    # leave one more callback with the future at every turn, for as long as the node lives.
    crashed.add_done_callback(lambda crashed: executor.create_task(crashed.result))
    # On a signal rclpy first wakes the executor and only then shuts the context down: an executor
    # that looks in between would wait for ever.
    node.create_timer(_LOOK_S, lambda: None, clock=steady_clock())
    return executor


def end_in_time() -> None:
    """End the process soon even if a library does not return, as an engine on a hung GPU."""
    force = Timer(_FAREWELL_S, os._exit, [0])
    force.daemon = True
    force.start()
