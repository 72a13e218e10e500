"""Frozen dataclasses from plain YAML values and back, strict about keys and types."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize

T = TypeVar('T')


def build(kind: type[T], data: object, where: str = '') -> T:
    """
    Build a dataclass from a mapping.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are scalars, ``Literal``, ``ImageSize`` (WIDTHxHEIGHT) or none,
        dataclasses, unions of scalars, tuples of one kind, or mappings from str to a scalar.
    data : object
        What YAML gave.
    where : str
        The path of keys to `data`, for messages.

    Raises
    ------
    ConfigurationError
        If a key is unknown or missing or a value is of a wrong type; the message names the key.

    """
    if not isinstance(data, Mapping):
        raise ConfigurationError(f'{where or "the top level"} must be a mapping')
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    prefix = f'{where}.' if where else ''
    for key in data:
        if key not in fields:
            raise ConfigurationError(f'unknown key {prefix}{key}; known: {", ".join(fields)}')
    for name, f in fields.items():
        if name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigurationError(f'missing key {prefix}{name}')
    hints = get_type_hints(kind)
    return kind(**{k: _convert(hints[k], v, f'{prefix}{k}') for k, v in data.items()})


def to_plain(value: object) -> Any:
    """Return the plain YAML values from which `build` makes an equal dataclass."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, ImageSize):
        return str(value)
    if isinstance(value, tuple):
        return [to_plain(v) for v in value]
    return dict(value) if isinstance(value, Mapping) else value


def _convert(kind: Any, value: object, where: str) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return build(kind, value, where)
    if ImageSize in (kind, *get_args(kind)):
        return None if value is None and kind is not ImageSize else ImageSize.parse(str(value))
    origin = get_origin(kind)
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ConfigurationError(f'{where} must be a list')
        item = get_args(kind)[0]
        return tuple(_convert(item, v, f'{where}[{i}]') for i, v in enumerate(value))
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise ConfigurationError(f'{where} must be a mapping')
        return {str(k): _convert(get_args(kind)[1], v, f'{where}.{k}') for k, v in value.items()}
    if origin is Literal:
        if value not in get_args(kind):
            choices = ', '.join(str(c) for c in get_args(kind) if c)
            raise ConfigurationError(f'{where} must be one of {choices}, not {value!r}')
        return value
    return _scalar(kind, value, where)


def _scalar(kind: Any, value: object, where: str) -> Any:
    # YAML writes 1 for 1.0, and Python counts True as an int.
    if kind is float and type(value) is int:
        return float(value)
    # To YAML 1e-3 is a text: it wants 1.0e-3.
    if kind is float and isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    kinds = get_args(kind) or (kind,)
    if type(value) not in kinds:
        names = ' or '.join(k.__name__ for k in kinds)
        raise ConfigurationError(f'{where} must be {names}, not {value!r}')
    return value
