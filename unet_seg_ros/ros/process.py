"""What a node's process needs in order to end whenever it is told to."""

from __future__ import annotations

import os
from threading import Timer

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

# How often an idle node looks whether it is to end.
_LOOK_S = 0.5

# How long what is under way may take after a signal.
_FAREWELL_S = 1.0


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
