"""The command line of the node, and what ROS leaves out of it in silence."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import rclpy
import yaml

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.core.parameter_section import BLOCK, is_section_for


def initialize(args: list[str] | None) -> None:
    """
    Let ROS read the command line: that given, or the process's own.

    Raises
    ------
    ConfigurationError
        If it refuses an argument, a parameter file that one names, or the environment.

    """
    try:
        rclpy.init(args=args)
    except RuntimeError as e:
        words = said_by_rcl(e).removeprefix('failed to initialize rcl: ')
        if '--params-file' in (sys.argv if args is None else args):
            words += '; `unet-seg doctor --params-file FILE` tells more of a parameter file'
        raise ConfigurationError(f'ROS does not start: {words}') from e


def said_by_rcl(error: Exception) -> str:
    """Return the words of one of rcl's errors on one line, without where in its code they are."""
    return one_line(error).partition(', at /')[0]


def unheard_files(node: str, args: Sequence[str] | None = None) -> list[str]:
    """
    Return a line for each parameter file of a command line that sets nothing for a node.

    Parameters
    ----------
    node : str
        The node's full name.
    args : sequence of str, optional
        The command line, which `initialize` has read; the process's own if none is given.

    """
    words = pairwise(sys.argv if args is None else args)
    # A pipe was emptied by ROS.
    files = [Path(w) for option, w in words if option == '--params-file' and Path(w).is_file()]
    lines = []
    for file in files:
        # Without making values of it: launch writes Python's tuples, which YAML does not know.
        documents = yaml.compose_all(file.read_bytes())
        sections = [name for document in documents for name in _sections('', document)]
        if not any(is_section_for(section, node) for section in sections):
            names = ', '.join(sections) or 'nobody'
            lines.append(f'{file} sets nothing for {node}, only for {names}: write /** or {node}')
    return lines


def _sections(above: str, content: yaml.Node | None) -> Iterator[str]:
    """Yield the names of all blocks ``ros__parameters``, with a leading slash."""
    for key, value in content.value if isinstance(content, yaml.MappingNode) else ():
        if key.value == BLOCK:
            yield above
        else:
            yield from _sections(f'{above}/{str(key.value).strip("/")}', value)
