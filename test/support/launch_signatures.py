"""
What our launch files call, recorded from the real launch and launch_ros.

``python test/support/launch_signatures.py DISTRIBUTION`` records them anew where both are
installed, in ``launch_signatures.json`` beside this file.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_suffix('.json')

NAMES = (
    'launch.LaunchContext',
    'launch.LaunchDescription',
    'launch.actions.DeclareLaunchArgument',
    'launch.actions.ExecuteProcess',
    'launch.actions.IncludeLaunchDescription',
    'launch.actions.OpaqueFunction',
    'launch.launch_description_sources.PythonLaunchDescriptionSource',
    'launch.substitutions.LaunchConfiguration',
    'launch.substitutions.LaunchConfiguration.perform',
    'launch.substitutions.PathJoinSubstitution',
    'launch_ros.actions.Node',
    'launch_ros.substitutions.ExecutableInPackage',
    'launch_ros.substitutions.FindPackageShare',
    'launch_ros.substitutions.FindPackageShare.perform',
)


def recorded(distribution: str) -> dict[str, inspect.Signature]:
    """Return the recorded signatures by name; what defaults they have is not recorded."""
    texts = json.loads(RECORD.read_text())[distribution]['signatures']
    return {name: inspect.signature(eval(f'lambda {text}: None')) for name, text in texts.items()}


def real() -> dict[str, str]:
    """Return the signatures of the installed launch and launch_ros."""
    return {name: _text(name) for name in NAMES}


def _text(name: str) -> str:
    module, _, attribute = name.rpartition('.')
    if attribute == 'perform':
        module, _, owner = module.rpartition('.')
        found = getattr(importlib.import_module(module), owner).perform
        return _joined(list(inspect.signature(found).parameters.values())[1:])
    return _joined(_parameters(getattr(importlib.import_module(module), attribute)))


def _parameters(kind: type) -> list[inspect.Parameter]:
    """Return a constructor's parameters; those that its `**kwargs` hand on to its bases too."""
    found: dict[str, inspect.Parameter] = {}
    classes = [base for base in kind.__mro__ if '__init__' in vars(base)]
    for base in classes:
        own = list(inspect.signature(base.__init__).parameters.values())[1:]
        for parameter in own:
            # What a base requires, the derived class itself hands on.
            is_passed_on = base is not classes[0] and parameter.default is parameter.empty
            if parameter.kind is not parameter.VAR_KEYWORD and not is_passed_on:
                found.setdefault(parameter.name, parameter)
        if not any(p.kind is p.VAR_KEYWORD for p in own):
            break
    return sorted(found.values(), key=lambda p: p.kind)


def _joined(parameters: list[inspect.Parameter]) -> str:
    parts: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            parts.append(f'*{parameter.name}')
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not any(p[0] == '*' for p in parts):
            parts.append('*')
        has_default = parameter.default is not parameter.empty
        parts.append(parameter.name + '=None' * has_default)
    return ', '.join(parts)


def main(distribution: str) -> None:
    """Record what is installed."""
    record: dict[str, Any] = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    versions = {name: version(name) for name in ('launch', 'launch_ros')}
    record[distribution] = {'versions': versions, 'signatures': real()}
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + '\n')


if __name__ == '__main__':
    main(sys.argv[1])
