"""What nodes say of themselves, kept for the viewer's page: diagnostics and class tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from std_msgs.msg import String

from unet_seg_ros.core.classes import ClassTable, PixelClass
from unet_seg_ros.core.errors import ConfigurationError

_LEVELS = ('OK', 'WARN', 'ERROR', 'STALE')

#: A status that is not repeated for so long is forgotten, as rqt's monitor does [s].
_MAX_AGE_S = 60.0


@dataclass(frozen=True)
class Status:
    """One status of ``/diagnostics``, and when it came on the steady clock [s]."""

    level: str
    message: str
    values: dict[str, str]
    time_s: float

    def state(self) -> dict[str, Any]:
        """Return it as the page has it."""
        return {
            'level': self.level,
            'message': self.message,
            'values': self.values,
            'age_s': round(time.monotonic() - self.time_s, 1),
        }


class Diagnostics:
    """
    The last status of each name.

    Parameters
    ----------
    node : Node
        The node that owns the subscription.

    """

    def __init__(self, node: Node) -> None:
        """Subscribe."""
        self._statuses: dict[str, Status] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._note, 10)

    def find(self, name: str) -> Status | None:
        """Return a status by its name, if there is one."""
        return self._statuses.get(name)

    def _note(self, message: DiagnosticArray) -> None:
        now_s = time.monotonic()
        for status in message.status:
            self._statuses[status.name] = Status(
                _LEVELS[min(status.level[0], len(_LEVELS) - 1)],
                status.message,
                {pair.key: pair.value for pair in status.values},
                now_s,
            )
        kept = self._statuses.items()
        self._statuses = {n: s for n, s in kept if now_s - s.time_s < _MAX_AGE_S}


@dataclass(frozen=True)
class Legend:
    """
    What the values of a node's masks mean.

    Attributes
    ----------
    table : ClassTable
        The classes.
    drivable : frozenset of str
        The names of those that may be driven on.

    """

    table: ClassTable
    drivable: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Legend:
        """
        Read a node's class table, as it is latched on ``~/class_table``.

        Raises
        ------
        ConfigurationError
            If the text is none.

        """
        try:
            data = json.loads(text)
            classes = tuple(
                PixelClass(int(c['id']), str(c['name']), tuple(int(v) for v in c['color']))  # type: ignore[arg-type]
                for c in data['classes']
            )
            drivable = {str(value) for value in data.get('drivable', ())}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
            raise ConfigurationError(f'no class table: {e!r}') from e
        named = {c.name for c in classes if not drivable.isdisjoint((c.name, str(c.id)))}
        return cls(ClassTable(classes), frozenset(named))


class Legends:
    """
    The class tables of nodes, as far as they publish them.

    Parameters
    ----------
    node : Node
        The node that owns the subscriptions.

    """

    def __init__(self, node: Node) -> None:
        """Follow no node yet."""
        self._node = node
        self._subscriptions: dict[str, Subscription] = {}
        self._legends: dict[str, Legend] = {}

    def follow(self, nodes: Iterable[str]) -> None:
        """Follow nodes by their whole names, and no others any more."""
        wanted = set(nodes)
        for name in self._subscriptions.keys() - wanted:
            self._node.destroy_subscription(self._subscriptions.pop(name))
            self._legends.pop(name, None)
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for name in wanted - self._subscriptions.keys():
            topic = f'{name}/class_table'

            def note(message: String, name: str = name, topic: str = topic) -> None:
                try:
                    self._legends[name] = Legend.parse(message.data)
                except ConfigurationError as e:
                    self._node.get_logger().warning(f'{topic}: {e}')

            self._subscriptions[name] = self._node.create_subscription(String, topic, note, qos)

    def find(self, node: str) -> Legend | None:
        """Return the class table of a node, if it has published one."""
        return self._legends.get(node)
