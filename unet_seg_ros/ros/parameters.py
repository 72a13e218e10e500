"""The node's parameters: declared, checked, read into one frozen value."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.parameter import Parameter

from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.core.rectangle import Rectangle
from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file
from unet_seg_ros.core.segmenter import CameraOptions
from unet_seg_ros.core.unknown import EgoMask, UnknownPixels
from unet_seg_ros.ros.arguments import said_by_rcl
from unet_seg_ros.ros.parameter_specs import (
    CAMERA_PARAMETERS,
    MAX_BATCH,
    PARAMETERS,
    ParameterSpec,
    spec_of,
)


@dataclass(frozen=True)
class CameraSettings:
    """
    One camera's parameters, checked.

    Attributes
    ----------
    name : str
        The camera's name.
    image_topic, camera_info_topic : str
        The topics as they were set, before remapping.
    is_compressed : bool
        Whether images come compressed, on the topic ``compressed`` below `image_topic`.
    options : CameraOptions
        How its frames are segmented.
    ego : EgoMask or None
        The own vehicle, as it is in `options` too.
    max_rate_hz : float
        How many frames of a second are taken at most; 0 for all.

    """

    name: str
    image_topic: str
    camera_info_topic: str
    is_compressed: bool
    options: CameraOptions
    ego: EgoMask | None
    max_rate_hz: float


@dataclass(frozen=True)
class Settings:
    """The node's parameters, checked; field names are those of the parameters."""

    cameras: tuple[CameraSettings, ...]
    model: Path
    backend: str
    precision: str
    num_threads: int
    gpu: int
    engine_cache: Path | None
    cpu_fallback: bool
    overlay_opacity: float
    publish_rle: bool
    max_age_s: float
    batch_wait_ms: float
    max_batch: int
    diagnostics_period_s: float
    silence_warning_s: float


def _declare(node: Node, spec: ParameterSpec) -> None:
    if node.has_parameter(spec.name):
        return
    try:
        node.declare_parameter(spec.name, spec.default, spec.descriptor())
    except InvalidParameterTypeException as e:
        raise ConfigurationError(
            f'parameter {spec.name}: expected a value like {spec.default!r}: '
            f'{one_line(e).removesuffix(f": {spec.name}")}'
        ) from e
    except InvalidParameterValueException as e:
        if spec.bounds:
            why = f'{spec.name}: expected a value within {spec.bounds}'
        else:  # what `refusal` said, between rclpy's own words
            why = one_line(e).partition('Reason: ')[2].removesuffix(f': {spec.name}')
        raise ConfigurationError(f'parameter {why}') from e


def declare_parameters(node: Node) -> None:
    """
    Declare every parameter that does not depend on another.

    Raises
    ------
    ConfigurationError
        If a value from the command line or a file has the wrong type or is out of range.

    """
    for spec in PARAMETERS:
        _declare(node, spec)


def unknown_parameters(node: Node, overrides: Iterable[str]) -> list[str]:
    """
    Return a line for each value that was set for a parameter that the node does not have.

    Parameters
    ----------
    node : Node
        The node, all of its parameters declared but for the ``qos_overrides`` of its topics.
    overrides : iterable of str
        The parameters that were set from outside.

    """
    unknown = [
        name
        for name in overrides
        if not node.has_parameter(name) and not name.startswith('qos_overrides.')
    ]
    return [f'parameter {name} is set, but {_reason(node, name)}' for name in unknown]


def _reason(node: Node, unknown: str) -> str:
    if unknown.endswith(tuple(f'.{s.name}' for s in CAMERA_PARAMETERS)):
        names = ', '.join(node.get_parameter('cameras').value)
        return f'cameras names only {names}'
    near = difflib.get_close_matches(unknown, list(node._parameters), n=1, cutoff=0.8)
    return f'is unknown: is {near[0]} meant?' if near else 'is unknown'


def refusal(parameter: Parameter, is_configured: bool) -> str:
    """Return why a parameter may not be set to that value now; empty if it may."""
    spec = spec_of(parameter.name)
    if spec and is_configured and not spec.while_configured:
        return f'{parameter.name} cannot change while the node is configured: clean up first'
    if spec and spec.choices and parameter.value not in spec.choices:
        return f'{parameter.name}: {parameter.value!r} is not one of {_words(spec)}'
    return ''


def _words(spec: ParameterSpec) -> str:
    return ', '.join(choice or "''" for choice in spec.choices)


def model_file(value: str) -> Path:
    """Return the file that the parameter ``model`` stands for."""
    return _path(value) if value else shared_file('models', DEFAULT_MODEL)


def _path(value: str) -> Path:
    # No shell has expanded the home folder in a YAML file, or behind the := of an argument.
    return Path(os.path.expanduser(value))  # noqa: PTH111 - Path's own raises where there is none


def _read_camera(node: Node, name: str) -> CameraSettings:
    for spec in CAMERA_PARAMETERS:
        _declare(node, replace(spec, name=f'{name}.{spec.name}'))
    values = {s.name: _value(node, f'{name}.{s.name}') for s in CAMERA_PARAMETERS}
    image_topic = _topic(node, f'{name}.image_topic', f'{name}/image_raw')
    info_topic = _topic(node, f'{name}.camera_info_topic', _beside(node, image_topic))
    for spec in CAMERA_PARAMETERS:
        _check_choice(node, f'{name}.{spec.name}')
    try:
        ego = EgoMask.read(_path(values['ego_mask'])) if values['ego_mask'] else None
        region = list(values['region'] or ())
        options = CameraOptions(
            region=Rectangle.from_numbers(region if any(region) else ()),
            fit=values['fit'],
            output=values['output_size'],
            unknown=UnknownPixels(values['min_confidence'], ego),
        )
    except ConfigurationError as e:
        raise ConfigurationError(f'camera {name}: {e}') from e
    is_compressed = values['transport'] == 'compressed'
    return CameraSettings(
        name, image_topic, info_topic, is_compressed, options, ego, values['max_rate_hz']
    )


def _value(node: Node, parameter: str) -> Any:
    # An empty list reaches us as a parameter that is not set, on which get_parameter raises.
    return node.get_parameter_or(parameter, Parameter('unset')).value


def _check_choice(node: Node, parameter: str) -> None:
    spec = spec_of(parameter)
    if spec is None or not spec.choices:
        return
    if why := refusal(node.get_parameter(parameter), is_configured=False):
        raise ConfigurationError(f'parameter {why}')


def _topic(node: Node, parameter: str, default: str) -> str:
    topic = str(node.get_parameter(parameter).value) or default
    try:
        node.resolve_topic_name(topic)
    except rclpy_implementation.RCLError as e:
        why = said_by_rcl(e).removeprefix('failed to resolve name: ')
        raise ConfigurationError(f'parameter {parameter}: {topic!r}: {why}') from e
    return topic


def _beside(node: Node, image_topic: str) -> str:
    """Return the CameraInfo topic beside an image topic, wherever that one was remapped to."""
    plain = '/'.join([*image_topic.split('/')[:-1], 'camera_info'])
    if node.resolve_topic_name(plain) != node.resolve_topic_name(plain, only_expand=True):
        return plain  # Remapped itself.
    return f'{node.resolve_topic_name(image_topic).rpartition("/")[0]}/camera_info'


def read_settings(node: Node) -> Settings:
    """
    Read the parameters and check what their types and ranges cannot.

    Raises
    ------
    ConfigurationError
        If the cameras are none, named twice or unfit for a topic name, or a word is not one of
        its choices.

    """
    values = {spec.name: _value(node, spec.name) for spec in PARAMETERS}
    names = list(values['cameras'] or ())
    if not names:
        raise ConfigurationError('parameter cameras: is empty; name at least one, such as [front]')
    if len(set(names)) < len(names):
        raise ConfigurationError(f'parameter cameras: {names} names a camera twice')
    for name in names:
        if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*', name):
            raise ConfigurationError(
                f'parameter cameras: {name!r} is no topic name; use letters, digits and _'
            )
    for spec in PARAMETERS:
        _check_choice(node, spec.name)
    return Settings(
        cameras=tuple(_read_camera(node, name) for name in names),
        model=model_file(values['model']),
        backend=values['backend'],
        precision=values['precision'],
        num_threads=values['num_threads'],
        gpu=values['gpu'],
        engine_cache=_path(values['engine_cache']) if values['engine_cache'] else None,
        cpu_fallback=values['cpu_fallback'],
        overlay_opacity=values['overlay_opacity'],
        publish_rle=values['publish_rle'],
        max_age_s=values['max_age_s'],
        batch_wait_ms=values['batch_wait_ms'],
        max_batch=values['max_batch'] or min(len(names), MAX_BATCH),
        diagnostics_period_s=values['diagnostics_period_s'],
        silence_warning_s=values['silence_warning_s'],
    )
