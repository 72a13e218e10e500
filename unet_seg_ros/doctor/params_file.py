"""The node's YAML file: which of its sections ROS gives to the node, and what they set."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.core.finding import Finding, fail, ok, warn

_BLOCK = 'ros__parameters'

# What every node has, and what topics bring with them.
_ROS_NAMES = re.compile(r'use_sim_time|start_type_description_service|qos_overrides\..*')


@dataclass(frozen=True, slots=True)
class Section:
    """
    One block ``ros__parameters`` of a file.

    Attributes
    ----------
    name : str
        The nodes that it is for, with a leading slash: a full name or a pattern such as ``/**``.
    values : mapping
        Parameters by their full names, such as ``front.image_topic``.

    """

    name: str
    values: Mapping[str, Any]

    def is_for(self, node: str) -> bool:
        """Return whether ROS gives it to a node, by its full name, as rclpy 7.1 does."""
        pattern = re.escape(self.name).replace(r'/\*\*', r'(/\w+)*').replace(r'/\*', r'/\w+')
        return re.fullmatch(pattern, node) is not None


def read_sections(path: Path) -> list[Section]:
    """
    Read a parameter file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is no YAML, or has a value outside of ``ros__parameters``.

    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as e:
        raise ConfigurationError(f'{path}: cannot be read: {e.strerror}') from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigurationError(f'{path}: is no YAML: {one_line(e)}') from e
    return list(_sections(path, '', {} if content is None else content))


def _sections(path: Path, above: str, content: object) -> Iterator[Section]:
    if not isinstance(content, dict):
        raise ConfigurationError(
            f'{path}: {above or "the file"} has a value outside of {_BLOCK}: write '
            f'/**:, below it {_BLOCK}:, and below that the parameters'
        )
    for key, value in content.items():
        if key != _BLOCK:
            yield from _sections(path, f'{above}/{str(key).strip("/")}', value)
        elif isinstance(value, dict):
            yield Section(above, dict(_flat('', value)))
        else:
            raise ConfigurationError(f'{path}: {above} has no parameters below {_BLOCK}')


def _flat(above: str, values: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f'{above}{key}.', value)
        else:
            yield f'{above}{key}', value


def values_for(node: str, sections: Sequence[Section]) -> dict[str, Any]:
    """Return what a node gets: of a parameter that is set twice, the later value in the file."""
    return {
        k: v for section in sections if section.is_for(node) for k, v in section.values.items()
    }


def check_sections(path: Path, node: str, sections: Sequence[Section]) -> list[Finding]:
    """Tell which sections ROS leaves out in silence because no node of that name is ours."""
    subject = f'params file {path}'
    used = [s.name for s in sections if s.is_for(node)]
    ignored = [s.name for s in sections if not s.is_for(node)]
    # Beside a section that is ours, others are likely meant for other nodes.
    told = warn if used else fail
    findings = [
        told(subject, f'the section {name} is not for {node}: ignored', f'call it /** or {node}')
        for name in ignored
    ]
    if used:
        findings.append(ok(subject, f'{node} gets the sections {", ".join(used)}'))
    elif not ignored:
        findings.append(fail(subject, 'sets nothing', f'write a section /** with {_BLOCK}'))
    return findings


def check_names(
    node: str,
    sections: Sequence[Section],
    known: Sequence[str],
    known_of_camera: Sequence[str],
) -> list[Finding]:
    """
    Tell which parameters in a file nobody reads.

    Parameters
    ----------
    node : str
        The node's full name.
    sections : sequence of Section
        The file.
    known : sequence of str
        The node's parameters.
    known_of_camera : sequence of str
        Those that each camera has, without the camera's name.

    """
    cameras = [str(c) for c in values_for(node, sections).get('cameras') or ()]
    declared = [*known, *(f'{c}.{name}' for c in cameras for name in known_of_camera)]
    findings = []
    for section in (s for s in sections if s.is_for(node)):
        for name in section.values:
            if name in declared or _ROS_NAMES.fullmatch(name):
                continue
            remedy = _meant(name, declared, known_of_camera)
            # In a pattern's section it may be another node's.
            told = warn if '*' in section.name and not remedy else fail
            findings.append(
                told(f'parameter {name}', f'in section {section.name}, is unknown', remedy)
            )
    return findings


def _meant(name: str, declared: Sequence[str], known_of_camera: Sequence[str]) -> str:
    camera, _, last = name.rpartition('.')
    near = difflib.get_close_matches(name, declared, n=1, cutoff=0.8)
    meant = f'is {near[0]} meant?' if near else ''
    if camera and last in known_of_camera:
        return f'name {camera} in cameras{f", or {meant}" if meant else ""}'
    return meant
