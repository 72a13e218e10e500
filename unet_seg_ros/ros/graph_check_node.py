"""A segmentation node seen by a peer: where it is, its state, its parameters."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rclpy
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.utilities import get_rmw_implementation_identifier

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.ros.arguments import said_by_rcl
from unet_seg_ros.ros.graph_check import COMPRESSED, IMAGE, topics
from unet_seg_ros.ros.source import ros_node

_MASK = '/segmentation/mask'

# How long a node that runs may take to be seen, and to answer.
_DISCOVERY_S = 2.0
_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class RunningNode:
    """
    A node as it answered.

    Attributes
    ----------
    name : str
        Its full name.
    state : str
        Its lifecycle state; empty if it did not answer.
    parameters : dict
        Its parameters; empty if it did not answer.

    """

    name: str
    state: str
    parameters: dict[str, Any]


class Peer:
    """
    A node that asks others.

    Parameters
    ----------
    node : Node
        The node, not spun by anybody else.

    """

    def __init__(self, node: Node) -> None:
        """Spin it from now on, whenever something is waited for."""
        self.node = node
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(node)

    def spin_until(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        """Return whether a condition came true within some seconds."""
        end_s = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > end_s:
                return False
            self.executor.spin_once(timeout_sec=0.02)
        return True

    def spin(self, seconds: float) -> None:
        """Spin for some seconds."""
        self.spin_until(lambda: False, seconds)

    def find_nodes(self, wanted: str) -> list[str]:
        """
        Return the segmentation nodes that run, by their full names.

        Parameters
        ----------
        wanted : str
            The full name of one; as soon as it is seen nothing more is waited for.

        """
        self.spin_until(lambda: wanted in self._names(), _DISCOVERY_S)
        publishing = {
            f'{info.node_namespace.rstrip("/")}/{info.node_name}'
            for topic in topics(self.node)
            if topic.endswith(_MASK)
            for info in self.node.get_publishers_info_by_topic(topic)
        }
        return sorted(publishing | ({wanted} & self._names()))

    def describe(self, name: str) -> RunningNode:
        """Ask a node for its state and its parameters."""
        state = self._call(GetState, f'{name}/get_state', GetState.Request())
        listed = self._call(ListParameters, f'{name}/list_parameters', ListParameters.Request())
        names = list(listed.result.names) if listed else []
        request = GetParameters.Request(names=names)
        got = self._call(GetParameters, f'{name}/get_parameters', request) if names else None
        values = [parameter_value_to_python(v) for v in got.values] if got else []
        return RunningNode(
            name,
            state.current_state.label if state else '',
            dict(zip(names, values, strict=False)),
        )

    def image_topics(self, name: str) -> list[str]:
        """Return what a node that runs reads images from."""
        namespace, _, last = name.rpartition('/')
        found = self.node.get_subscriber_names_and_types_by_node(last, namespace or '/')
        return [topic for topic, kinds in found if not {IMAGE, COMPRESSED}.isdisjoint(kinds)]

    def _names(self) -> set[str]:
        return {
            f'{namespace.rstrip("/")}/{name}'
            for name, namespace in self.node.get_node_names_and_namespaces()
        }

    def _call(self, kind: Any, service: str, request: Any) -> Any:
        client = self.node.create_client(kind, service)
        try:
            if not self.spin_until(client.service_is_ready, _ANSWER_S):
                return None
            future = client.call_async(request)
            self.spin_until(future.done, _ANSWER_S)
            return future.result() if future.done() else None
        finally:
            self.node.destroy_client(client)


@contextmanager
def peer() -> Iterator[Peer]:
    """Join the graph until the end of the block."""
    with ros_node('unet_seg_doctor') as node:
        yield Peer(node)


def describe_ros() -> str:
    """Return which ROS this is, in words."""
    distribution = os.environ.get('ROS_DISTRO', 'ROS_DISTRO is not set')
    return f'{distribution}, rclpy {version("rclpy")}, {get_rmw_implementation_identifier()}'


def require_valid(path: Path) -> None:
    """
    Let ROS itself read a parameter file.

    Raises
    ------
    ConfigurationError
        If it refuses it.

    """
    context = Context()
    try:
        rclpy.init(args=['--ros-args', '--params-file', str(path)], context=context)
    except RuntimeError as e:
        words = said_by_rcl(e).rpartition('Error: ')[2]
        raise ConfigurationError(f'{path}: ROS refuses it: {words}') from e
    rclpy.shutdown(context=context)
