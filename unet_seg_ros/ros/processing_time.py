"""How long frames take, on the topics on which Autoware's nodes say it."""

from __future__ import annotations

import time
from typing import Any

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Float64

from unet_seg_ros.ros.messages import optional_messages


class ProcessingTimes:
    """
    Publishes ``~/debug/processing_time_ms`` and ``~/debug/cyclic_time_ms`` for each batch.

    They are ``autoware_internal_debug_msgs/Float64Stamped``, which Autoware's tools read, where
    that package is installed, and ``std_msgs/Float64`` elsewhere.

    Parameters
    ----------
    node : LifecycleNode
        The node that owns the publishers.

    """

    def __init__(self, node: LifecycleNode) -> None:
        """Create the publishers."""
        self._node = node
        self._last_start_s: float | None = None
        messages = optional_messages('autoware_internal_debug_msgs')
        self._stamped: Any | None = messages and messages.Float64Stamped
        self._processing, self._cyclic = (
            node.create_lifecycle_publisher(self._stamped or Float64, f'~/debug/{name}_time_ms', 1)
            for name in ('processing', 'cyclic')
        )

    def publish(self, start_s: float) -> None:
        """Publish what a batch took that was begun at a moment of the steady clock [s]."""
        if self._processing.get_subscription_count():
            self._processing.publish(self._message(time.monotonic() - start_s))
        if self._cyclic.get_subscription_count() and self._last_start_s is not None:
            self._cyclic.publish(self._message(start_s - self._last_start_s))
        self._last_start_s = start_s

    def destroy(self) -> None:
        """Destroy the publishers."""
        self._node.destroy_lifecycle_publisher(self._processing)
        self._node.destroy_lifecycle_publisher(self._cyclic)

    def _message(self, duration_s: float) -> Any:
        if self._stamped is None:
            return Float64(data=duration_s * 1e3)
        return self._stamped(stamp=self._node.get_clock().now().to_msg(), data=duration_s * 1e3)
