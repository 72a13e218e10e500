"""The ROS graph as a peer sees it: nodes, their states, parameters and topics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import NodeNameNonExistentError
from rclpy.parameter import parameter_value_to_python

_IMPOSSIBLE = 99
_KINDS = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo', 'rosgraph_msgs/msg/Clock')


class Graph:
    """A peer in one domain."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.peer = rclpy.create_node('peer', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.peer)

    def close(self) -> None:
        self.executor.shutdown()
        self.peer.destroy_node()
        rclpy.try_shutdown(context=self.context)

    def call(self, kind: Any, service: str, request: Any) -> Any:
        """
        Return a service's answer, asked for again after some patience.

        An answer is lost if the node has not discovered the client's reader yet.
        """
        client = self.peer.create_client(kind, service)
        end = time.monotonic() + 60
        future = None
        while future is None or not future.done():
            assert time.monotonic() < end, f'waited in vain for {service}'
            if client.wait_for_service(timeout_sec=0.2):
                future = client.call_async(request)
                self.executor.spin_until_future_complete(future, timeout_sec=2.0)
        self.peer.destroy_client(client)
        return future.result()

    def wait_until(self, condition: Callable[[], bool], what: str, deadline_s: float = 60) -> None:
        end = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < end, f'waited {deadline_s} s in vain for {what}'
            self.executor.spin_once(timeout_sec=0.05)

    def state(self, node: str) -> str:
        """Return a node's lifecycle state."""
        label: str = self.call(
            GetState, f'{node}/get_state', GetState.Request()
        ).current_state.label
        return label

    def wait_until_active(self, node: str) -> None:
        """Wait until a node is active."""
        self.wait_until(lambda: self.state(node) == 'active', f'{node} to be active')

    def parameters(self, node: str, *names: str) -> dict[str, Any]:
        """Return some parameters of a node."""
        request = GetParameters.Request(names=names)
        values = self.call(GetParameters, f'{node}/get_parameters', request).values
        return {n: parameter_value_to_python(v) for n, v in zip(names, values, strict=True)}

    def published(self, node: str) -> set[str]:
        """Return the camera topics that a node publishes, as far as this peer knows yet."""
        return self._topics(node, self.peer.get_publisher_names_and_types_by_node)

    def subscribed(self, node: str) -> set[str]:
        """Return the camera topics that a node subscribes to, and /clock, as far as known yet."""
        return self._topics(node, self.peer.get_subscriber_names_and_types_by_node)

    def _topics(self, node: str, find: Callable[[str, str], Any]) -> set[str]:
        namespace, _, name = node.rpartition('/')
        try:
            found = find(name, namespace or '/')
        except NodeNameNonExistentError:
            return set()
        return {topic for topic, kinds in found if kinds[0] in _KINDS}


class Lifecycle:
    """A client that the node has already answered: none of its answers is lost any more."""

    def __init__(self, graph: Graph, node: str) -> None:
        self._graph = graph
        self._client = graph.peer.create_client(ChangeState, f'{node}/change_state')
        graph.wait_until(self._client.service_is_ready, 'the node')
        graph.wait_until(lambda: self._answer(_IMPOSSIBLE, 0.5) is not None, 'an answer')

    def change(self, transition: int) -> bool | None:
        """Return whether a transition succeeded; None if no answer came."""
        return self._answer(transition, 60)

    def _answer(self, transition: int, patience_s: float) -> bool | None:
        request = ChangeState.Request(transition=Transition(id=transition))
        future = self._client.call_async(request)
        self._graph.executor.spin_until_future_complete(future, timeout_sec=patience_s)
        return future.result().success if future.done() else None
