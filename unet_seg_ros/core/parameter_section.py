"""Which nodes a section of a ROS parameter file is for."""

from __future__ import annotations

import re

#: The key below which a section holds its parameters.
BLOCK = 'ros__parameters'


def is_section_for(section: str, node: str) -> bool:
    """
    Return whether ROS gives a section to a node, as rclpy 7.1 does.

    Parameters
    ----------
    section : str
        The keys above the block, with a leading slash: a full name or a pattern such as ``/**``.
    node : str
        The node's full name.

    """
    pattern = re.escape(section).replace(r'/\*\*', r'(/\w+)*').replace(r'/\*', r'/\w+')
    return re.fullmatch(pattern, node) is not None
