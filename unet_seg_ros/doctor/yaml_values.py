"""A parameter file's values as ROS reads them, which is not quite how YAML has it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml


class _RosLoader(yaml.SafeLoader):
    """
    Reads plain words as rcl_yaml_param_parser does.

    ``1e-1`` is a number to it, ``null``, dates and times of day are text, ``y`` is true.
    """

    bool_values: ClassVar[dict[str, bool]] = {
        **yaml.SafeLoader.bool_values,
        'y': True,
        'n': False,
    }


_RosLoader.yaml_implicit_resolvers = {}
# The first that matches counts; a leading 0 makes a number octal.
for _tag, _pattern in (
    ('bool', r'[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF'),
    ('int', r'[-+]?(0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)'),
    (
        'float',
        r'[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF|nan|NaN|NAN)',
    ),
):
    _RosLoader.add_implicit_resolver(
        f'tag:yaml.org,2002:{_tag}', re.compile(rf'^(?:{_pattern})$'), None
    )


def load(text: str) -> Any:
    """
    Read a parameter file's text.

    Returns
    -------
    Any
        Its mappings, lists and values; None if it is empty.

    Raises
    ------
    yaml.YAMLError
        If it is no YAML.

    """
    # A SafeLoader with other resolvers.
    return yaml.load(text, _RosLoader)
