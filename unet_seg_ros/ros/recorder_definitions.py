"""The definitions of message types, which a recording carries so that anyone can read it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

_SEPARATOR = '=' * 80

# Where the names that rclpy has for a field's type differ from those of .msg files.
_NAMES = {'boolean': 'bool', 'octet': 'byte', 'float': 'float32', 'double': 'float64'}


def message_class(kind: str) -> Any:
    """
    Return the class of a type such as ``sensor_msgs/msg/Image``.

    Raises
    ------
    ImportError
        If no package that has it is installed, or its name is none that ROS gives.

    """
    package, _, name = kind.partition('/msg/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except AttributeError as e:
        raise ImportError(f'{package} has no {name}') from e


def definition(kind: str) -> str:
    """
    Return a type's definition, and behind it those of all types in it.

    They are made of the message classes, because .msg files are not found everywhere: without
    constants, default values and comments, which say nothing of the data.

    Parameters
    ----------
    kind : str
        Such as ``sensor_msgs/msg/Image``.

    Raises
    ------
    ImportError
        If a package is not installed.

    """
    texts: dict[str, str] = {}
    _collect(kind, texts)
    first, *others = texts.items()
    parts = [first[1]]
    for name, text in others:
        package, _, short = name.split('/')
        parts.append(f'{_SEPARATOR}\nMSG: {package}/{short}\n{text}')
    return '\n'.join(parts)


def _collect(kind: str, texts: dict[str, str]) -> None:
    if kind in texts:
        return
    fields = message_class(kind).get_fields_and_field_types()
    texts[kind] = '\n'.join(f'{_msg_type(type_)} {name}' for name, type_ in fields.items())
    for inner in _inner_kinds(fields.values()):
        _collect(inner, texts)


def _inner_kinds(types: Any) -> Iterator[str]:
    for type_ in types:
        for package, name in re.findall(r'(\w+)/(\w+)', type_):
            yield f'{package}/msg/{name}'


def _msg_type(type_: str) -> str:
    """Return a type such as sequence<double, 3> as .msg files have it, float64[<=3]."""
    if sequence := re.fullmatch(r'sequence<(.+?)(?:, (\d+))?>', type_):
        element, bound = sequence.groups()
        return f'{_msg_type(element)}[{f"<={bound}" if bound else ""}]'
    if array := re.fullmatch(r'(.+)\[(\d+)\]', type_):
        return f'{_msg_type(array[1])}[{array[2]}]'
    # string<10> is string<=10 there.
    return _NAMES.get(type_, re.sub(r'<(\d+)>', r'<=\1', type_))
