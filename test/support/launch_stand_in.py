"""
A stand-in for launch and launch_ros, for machines that have neither.

It has only the names that `launch_signatures` recorded, refuses every call that the recorded
signature does not allow, and yields the commands that the real one would run.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar
from unittest.mock import patch

import yaml
from ament_index_python.packages import get_package_prefix, get_package_share_directory

from support.launch_signatures import recorded

Context = dict[str, str]


class Called:
    """Something that a launch file made; the call is checked against the recorded signature."""

    name = ''
    signatures: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = self.signatures[self.name].bind(*args, **kwargs)
        self.given = bound.arguments

    def __getitem__(self, key: str) -> Any:
        return self.given.get(key)


class Substitution(Called):
    def perform(self, *args: Any, **kwargs: Any) -> str:
        bound = self.signatures[f'{self.name}.perform'].bind(*args, **kwargs)
        return self.text(bound.arguments['context'])

    def text(self, context: Context) -> str:
        raise NotImplementedError


class LaunchConfiguration(Substitution):
    name = 'launch.substitutions.LaunchConfiguration'

    def text(self, context: Context) -> str:
        return context[self['variable_name']]


class PathJoinSubstitution(Substitution):
    name = 'launch.substitutions.PathJoinSubstitution'

    def text(self, context: Context) -> str:
        return os.path.join(*(text(part, context) for part in self['substitutions']))  # noqa: PTH118


class FindPackageShare(Substitution):
    name = 'launch_ros.substitutions.FindPackageShare'

    def text(self, context: Context) -> str:
        return get_package_share_directory(text(self['package'], context))


class ExecutableInPackage(Substitution):
    name = 'launch_ros.substitutions.ExecutableInPackage'

    def text(self, context: Context) -> str:
        package, executable = text(self['package'], context), text(self['executable'], context)
        return str(Path(get_package_prefix(package), 'lib', package, executable))


class LaunchContext(Called):
    name = 'launch.LaunchContext'


class PythonLaunchDescriptionSource(Called):
    name = 'launch.launch_description_sources.PythonLaunchDescriptionSource'


class LaunchDescription(Called):
    name = 'launch.LaunchDescription'

    def commands(self, context: Context) -> Iterator[list[str]]:
        for entity in self['initial_entities']:
            yield from entity.commands(context)


class DeclareLaunchArgument(Called):
    name = 'launch.actions.DeclareLaunchArgument'

    def commands(self, context: Context) -> Iterator[list[str]]:
        name, default = self['name'], self['default_value']
        if name not in context and default is None:
            raise RuntimeError(f"required argument '{name}' is missing: {self['description']}")
        context.setdefault(name, text(default, context))
        yield from ()


class IncludeLaunchDescription(Called):
    name = 'launch.actions.IncludeLaunchDescription'

    def commands(self, context: Context) -> Iterator[list[str]]:
        context |= {name: text(value, context) for name, value in self['launch_arguments']}
        path = text(self['launch_description_source']['launch_file_path'], context)
        yield from description(path).commands(context)


class OpaqueFunction(Called):
    name = 'launch.actions.OpaqueFunction'

    def commands(self, context: Context) -> Iterator[list[str]]:
        for action in self['function'](context):
            yield from action.commands(context)


class ExecuteProcess(Called):
    name = 'launch.actions.ExecuteProcess'

    def commands(self, context: Context) -> Iterator[list[str]]:
        yield [text(part, context) for part in self['cmd']]


class Node(Called):
    name = 'launch_ros.actions.Node'

    def commands(self, context: Context) -> Iterator[list[str]]:
        executable = ExecutableInPackage(self['executable'], self['package']).text(context)
        command = [executable, *(text(part, context) for part in self['arguments'] or ())]
        if self['ros_arguments'] is not None:
            command += ['--ros-args', *(text(part, context) for part in self['ros_arguments'])]
        name = text(self['name'], context)
        namespace = '/' + text(self['namespace'], context).strip('/')
        command += ['--ros-args', '-r', f'__node:={name}', '-r', f'__ns:={namespace}']
        for parameters in self['parameters'] or ():
            if isinstance(parameters, dict):
                parameters = parameter_file(f'{namespace.rstrip("/")}/{name}', parameters)
            command += ['--params-file', parameters]
        for source, target in self['remappings'] or ():
            command += ['-r', f'{source}:={target}']
        yield command


KINDS = (
    LaunchContext,
    LaunchDescription,
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    PythonLaunchDescriptionSource,
    LaunchConfiguration,
    PathJoinSubstitution,
    Node,
    ExecutableInPackage,
    FindPackageShare,
)


def text(value: Any, context: Context) -> str:
    """Return what launch makes of a string, a substitution or a list of them."""
    if isinstance(value, list | tuple):
        return ''.join(text(part, context) for part in value)
    return value.text(context) if isinstance(value, Substitution) else str(value)


def parameter_file(node: str, parameters: dict[str, Any]) -> str:
    """Write parameters for one node, as launch_ros does."""
    with tempfile.NamedTemporaryFile('w', prefix='launch_params_', delete=False) as file:
        yaml.dump({node: {'ros__parameters': parameters}}, file)
    return file.name


def description(path: str) -> LaunchDescription:
    """Return the description that a launch file makes; the stand-in must be installed."""
    made = runpy.run_path(path)['generate_launch_description']()
    assert isinstance(made, LaunchDescription)
    return made


@contextmanager
def installed(distribution: str) -> Iterator[None]:
    """Put the stand-in where `import launch` and `import launch_ros` find it."""
    modules: dict[str, ModuleType] = {}
    for kind in KINDS:
        parts = kind.name.split('.')
        for end in range(1, len(parts)):
            name = '.'.join(parts[:end])
            modules.setdefault(name, ModuleType(name))
        setattr(modules['.'.join(parts[:-1])], parts[-1], kind)
    with (
        patch.dict(sys.modules, modules),
        patch.object(Called, 'signatures', recorded(distribution)),
    ):
        yield


def commands(path: Path, arguments: dict[str, str], distribution: str) -> list[list[str]]:
    """
    Return the commands that ``ros2 launch PATH name:=value ...`` would run.

    Raises
    ------
    Exception
        Whatever the launch file raises; the real launch prints it and ends with status 1.

    """
    with installed(distribution):
        return list(description(str(path)).commands(dict(arguments)))
