"""The process of the segmentation node, from its command line to its exit status."""

from __future__ import annotations

import sys

from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.utilities import ok, try_shutdown

from unet_seg_ros.core.errors import UserError
from unet_seg_ros.ros.arguments import initialize, unheard_files
from unet_seg_ros.ros.interrupts import Interrupts
from unet_seg_ros.ros.process import end_in_time, executor_of
from unet_seg_ros.ros.segmentation_node import SegmentationNode
from unet_seg_ros.ros.shared_memory import prepare

# The executor's own bookkeeping is Python too, and after each image it would keep the worker from
# the interpreter for the usual 5 ms.
_SWITCH_INTERVAL_S = 1e-4


def run_node(interrupts: Interrupts, args: list[str] | None = None) -> int:
    """
    Run the node until a signal comes or it crashes.

    Parameters
    ----------
    interrupts : Interrupts
        What SIGINT does; it is left to ROS in time.
    args : list of str, optional
        The command line; the process's own if none is given.

    Returns
    -------
    int
        The exit status: 0 after a signal, 1 if the node could not start by itself.

    """
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    node = None
    try:
        notice = prepare()
        initialize(args)
        interrupts.leave_to_ros()
        node = SegmentationNode()
        if notice:
            node.get_logger().info(notice)
        for line in unheard_files(node.get_fully_qualified_name(), args):
            node.get_logger().warning(line)
        # Before the start, for a signal that meets its construction makes it complain.
        executor = executor_of(node, node.crashed)
        if not _start(node):
            # From Kilted on, a transition that a signal meets fails instead of raising.
            return int(ok())
        executor.spin()
    except UserError as e:
        get_logger('segmentation_node').fatal(str(e))
        return 1
    except ExternalShutdownException:
        pass
    except rclpy_implementation.RCLError:
        # A signal invalidates the context under whatever call is on its way just then.
        if ok():
            raise
    finally:
        if not ok():
            end_in_time()
        if node is not None:
            node.release()
            node.destroy_node()
            # What a signal did to the worker's call is no bug, and else complains at the end.
            node.crashed.exception()
        try_shutdown()
    return 0


def _start(node: SegmentationNode) -> bool:
    if not node.get_parameter('autostart').value:
        name = node.get_fully_qualified_name()
        node.get_logger().info(f'waits for `ros2 lifecycle set {name} configure`: no autostart')
        return True
    success = TransitionCallbackReturn.SUCCESS
    return bool(node.trigger_configure() == success and node.trigger_activate() == success)
