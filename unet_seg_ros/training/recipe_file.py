"""Recipes as YAML files, and changes to them for one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.training.recipe import Recipe, recipe_from_dict


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """
    Read a recipe from a YAML file.

    Parameters
    ----------
    path : Path
        The file.
    changes : sequence of str
        Values to take instead of the file's, as KEY=VALUE: ``passes=3``, ``network.depth=3``,
        ``sources.0.share=0.5``.

    Raises
    ------
    ConfigurationError
        If the file is missing or no YAML mapping, a change is none, or a key is unknown, missing
        or of a wrong type.

    """
    if not path.is_file():
        raise ConfigurationError(f'recipe {path}: not found')
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigurationError(f'recipe {path}: no YAML: {one_line(e)}') from e
    try:
        for change in changes:
            _change(data, change)
        return recipe_from_dict(data)
    except ConfigurationError as e:
        raise ConfigurationError(f'recipe {path}: {e}') from e


def _change(data: Any, change: str) -> None:
    key, equals, text = change.partition('=')
    *parents, last = key.split('.')
    try:
        for parent in parents:
            data = data[int(parent)] if isinstance(data, list) else data.setdefault(parent, {})
        data[int(last) if isinstance(data, list) else last] = yaml.safe_load(text)
    except (AttributeError, IndexError, TypeError, ValueError, yaml.YAMLError) as e:
        raise ConfigurationError(
            f'change {change!r}: write KEY=VALUE, such as network.depth=3 ({one_line(e)})'
        ) from e
    if not equals:
        raise ConfigurationError(f'change {change!r}: write KEY=VALUE, such as network.depth=3')
