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
from unet_seg_ros.core.finding import Finding, fail, ok, skip, warn
from unet_seg_ros.core.parameter_section import BLOCK, is_section_for
from unet_seg_ros.doctor.yaml_values import load

# What every node has, and what topics bring with them; of other policies rclpy hears nothing.
_ROS_NAMES = re.compile(
    r'use_sim_time|start_type_description_service|'
    r'qos_overrides\..+\.(publisher|subscription)(_\w+)?\.(history|depth|reliability)'
)

_QOS_REMEDY = 'override history, depth or reliability, below publisher or subscription'

_POLICIES = {
    'reliability': ('reliable', 'best_effort', 'system_default'),
    'history': ('keep_last', 'keep_all', 'system_default'),
}

# How like two names are of which one is taken for the other, misspelt.
_LIKE = 0.8


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
        """Return whether ROS gives it to a node, by its full name."""
        return is_section_for(self.name, node)


def read_sections(path: Path) -> list[Section]:
    """
    Read a parameter file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is no YAML, or has a value outside of ``ros__parameters``.

    """
    try:
        content = load(path.read_text(encoding='utf-8'))
    except OSError as e:
        why = 'nothing expands its ~' if path.parts[:1] == ('~',) else e.strerror
        raise ConfigurationError(f'{path}: cannot be read: {why}') from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigurationError(f'{path}: is no YAML: {_place_and_problem(e)}') from e
    return list(_sections(path, '', {} if content is None else content))


def _place_and_problem(error: Exception) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return one_line(error)
    # A tab is the likeliest of them, and of YAML's words only an expert guesses it.
    problem = 'indent with spaces, not tabs' if "'\\t'" in str(error.problem) else error.problem
    return f'line {error.problem_mark.line + 1}: {problem}'


def _sections(path: Path, above: str, content: object) -> Iterator[Section]:
    if not isinstance(content, dict):
        raise ConfigurationError(
            f'{path}: {above or "the file"} has a value outside of {BLOCK}: write '
            f'/**:, below it {BLOCK}:, and below that the parameters'
        )
    for key, value in content.items():
        if key != BLOCK:
            yield from _sections(path, f'{above}/{str(key).strip("/")}', value)
        elif not above:
            raise ConfigurationError(
                f'{path}: {BLOCK} belongs to no node: write /**: above it and indent it'
            )
        elif isinstance(value, dict):
            yield Section(above, dict(_flat('', value)))
        else:
            raise ConfigurationError(f'{path}: {above} has no parameters below {BLOCK}')


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
    findings = [_check_ignored(subject, node, name, bool(used)) for name in ignored]
    if used:
        findings.append(ok(subject, f'{node} gets the sections {", ".join(used)}'))
    elif not ignored:
        findings.append(fail(subject, 'sets nothing', f'write a section /** with {BLOCK}'))
    return findings


def _check_ignored(subject: str, node: str, name: str, has_other: bool) -> Finding:
    what, remedy = f'the section {name} is not for {node}: ignored', f'call it /** or {node}'
    if not has_other:
        return fail(subject, what, remedy)
    # Beside a section that is ours, others are other nodes', unless they are called nearly so.
    last = [text.rpartition('/')[2] for text in (name, node)]
    if difflib.get_close_matches(last[0], last[1:], cutoff=_LIKE):
        return warn(subject, what, remedy)
    return skip(subject, what)


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
    cameras = values_for(node, sections).get('cameras')
    # What is no list is for ROS to refuse, in its own words.
    cameras = cameras if isinstance(cameras, list) else []
    declared = [*known, *(f'{c}.{name}' for c in cameras for name in known_of_camera)]
    findings = []
    for section in (s for s in sections if s.is_for(node)):
        for name in section.values:
            if name in declared or _ROS_NAMES.fullmatch(name):
                continue
            meant = _meant(name, declared, known_of_camera)
            # In a pattern's section it may be another node's.
            told = warn if '*' in section.name and not meant else fail
            remedy = _QOS_REMEDY if name.startswith('qos_overrides.') else meant
            findings.append(
                told(f'parameter {name}', f'in section {section.name}, is unknown', remedy)
            )
    return findings


def _meant(name: str, declared: Sequence[str], known_of_camera: Sequence[str]) -> str:
    camera, _, last = name.rpartition('.')
    near = difflib.get_close_matches(name, declared, n=1, cutoff=_LIKE)
    meant = f'is {near[0]} meant?' if near else ''
    if camera and last in known_of_camera:
        return f'name {camera} in cameras{f", or {meant}" if meant else ""}'
    return meant


def check_ros_values(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell which values of ROS's own parameters cannot be; no node starts with them."""
    for name, value in values.items():
        if name == 'use_sim_time' and not isinstance(value, bool):
            yield fail(f'parameter {name}', f'is {value!r}', 'set true or false')
        if not _ROS_NAMES.fullmatch(name):
            continue
        policy = name.rpartition('.')[2]
        choices = _POLICIES.get(policy)
        if choices and str(value).lower() not in choices:
            yield fail(f'parameter {name}', f'is {value!r}', f'set one of {", ".join(choices)}')
        if policy == 'depth' and (isinstance(value, bool) or not isinstance(value, int)):
            yield fail(f'parameter {name}', f'is {value!r}', 'set a whole number')
