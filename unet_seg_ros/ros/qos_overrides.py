"""QoS that users may override for each topic; a wrong value is one line, as for any parameter."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from unet_seg_ros.core.errors import ConfigurationError, one_line

_POLICIES = ('.history', '.depth', '.reliability')

# Outputs that are not always offered: as runs, and those that depend on the model's groups.
_MAY_COME = re.compile(r'/segmentation/(mask_rle|\w+_probability)\.publisher\.')


@contextmanager
def overridable(node: Node, topic: str) -> Iterator[QoSOverridingOptions]:
    """
    Give the options with which a publisher or subscription is to be made in the block.

    The profile that is passed beside them must be made anew for each topic: rclpy writes the
    topic's ``qos_overrides`` into it.

    Raises
    ------
    ConfigurationError
        If the topic's ``qos_overrides`` cannot be used, or another type is on that topic.

    """
    try:
        yield QoSOverridingOptions.with_default_policies()
    except (InvalidParameterTypeException, RuntimeError) as e:
        # A signal invalidates the context under whatever call is on its way just then.
        if not node.context.ok():
            raise
        raise ConfigurationError(
            f'topic {node.resolve_topic_name(topic)} cannot be used: {one_line(e)}: look at its '
            'qos_overrides, and whether it is set for a topic of another type too'
        ) from e


def unused_overrides(node: Node, overrides: Iterable[str]) -> list[str]:
    """
    Return a line for each of ``qos_overrides`` that none of a node's topics has taken.

    Parameters
    ----------
    node : Node
        The node, all of its topics created.
    overrides : iterable of str
        The parameters that were set from outside.

    """
    taken = [name for name in node._parameters if name.startswith('qos_overrides.')]
    unused = [
        name
        for name in overrides
        if name.startswith('qos_overrides.') and name not in taken and not _MAY_COME.search(name)
    ]
    return [f'parameter {name} is set, but {_reason(name, taken)}' for name in unused]


def _reason(unused: str, taken: Sequence[str]) -> str:
    if not unused.endswith(_POLICIES):
        return 'only history, depth and reliability can be overridden'
    near = difflib.get_close_matches(unused, taken, n=1, cutoff=0.8)
    return f'no topic takes it{f": is {near[0]} meant?" if near else ""}'
