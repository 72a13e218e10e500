"""The node's parameters: declared, checked, read into one frozen value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    InvalidTopicNameException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.validate_topic_name import validate_topic_name

from unet_seg_ros.core.backend import PRECISION_CHOICES
from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file
from unet_seg_ros.inference import BACKENDS


@dataclass(frozen=True)
class ParameterSpec:
    """
    One parameter as it is declared.

    Attributes
    ----------
    name : str
        Its name in ROS.
    default : Any
        Its value where nothing else is set; its type is the parameter's.
    description : str
        What it does, shown by ``ros2 param describe``.
    choices : tuple of str
        The words that it may be; empty for free text.
    bounds : tuple of float, optional
        The least and the greatest value.
    while_configured : bool
        Whether it may change after the node was configured.

    """

    name: str
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    while_configured: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """Return what ROS shows of the parameter."""
        text = self.description
        if self.choices:
            text += f' One of: {", ".join(self.choices)}.'
        descriptor = ParameterDescriptor(name=self.name, description=text)
        if self.bounds and isinstance(self.default, float):
            low, high = self.bounds
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif self.bounds:
            low, high = (int(b) for b in self.bounds)
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        return descriptor


PARAMETERS = (
    ParameterSpec(
        'cameras',
        ['camera'],
        'Names of the cameras; each is a namespace for its topics, such as front/image_raw.',
    ),
    ParameterSpec(
        'model',
        '',
        'Path of the ONNX model file; empty for the one that the package ships. While the node is '
        'configured, another file takes over between two frames once it is loaded and checked.',
        while_configured=True,
    ),
    ParameterSpec('backend', 'auto', 'The inference engine.', choices=('auto', *BACKENDS)),
    ParameterSpec(
        'precision',
        'auto',
        "The engine's arithmetic; auto takes the fastest that the CPU has, on a GPU the model "
        "file's.",
        choices=PRECISION_CHOICES,
    ),
    ParameterSpec(
        'num_threads', 0, 'CPU threads of the engine; 0 for one on each core.', bounds=(0, 256)
    ),
    ParameterSpec('gpu', 0, 'Index of the GPU, as CUDA counts them.', bounds=(0, 63)),
    ParameterSpec(
        'engine_cache',
        '',
        "Folder of the engines that TensorRT builds; empty for the user's own cache.",
    ),
    ParameterSpec(
        'cpu_fallback',
        False,
        'Whether a CPU engine serves while the GPU engine is built or has failed.',
    ),
    ParameterSpec(
        'overlay_opacity',
        0.5,
        'Share of the class colours in the overlay.',
        bounds=(0.0, 1.0),
        while_configured=True,
    ),
    ParameterSpec(
        'diagnostics_period_s', 1.0, 'Seconds between two diagnostics.', bounds=(0.1, 60.0)
    ),
    ParameterSpec(
        'silence_warning_s',
        5.0,
        'Seconds without an image after which a camera is reported as silent.',
        bounds=(0.1, 3600.0),
    ),
    ParameterSpec(
        'autostart',
        True,
        'Whether the node configures and activates itself; false where a lifecycle manager does.',
    ),
)

#: Declared for each camera, as ``<camera>.<name>``.
CAMERA_PARAMETERS = (
    ParameterSpec('image_topic', '', 'Image topic; empty for <camera>/image_raw.'),
    ParameterSpec(
        'camera_info_topic', '', 'CameraInfo topic; empty for camera_info beside the image topic.'
    ),
)


@dataclass(frozen=True)
class CameraSettings:
    """One camera's name and the topics that it is read from."""

    name: str
    image_topic: str
    camera_info_topic: str


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
    diagnostics_period_s: float
    silence_warning_s: float


def _declare(node: Node, spec: ParameterSpec) -> None:
    if node.has_parameter(spec.name):
        return
    try:
        node.declare_parameter(spec.name, spec.default, spec.descriptor())
    except InvalidParameterTypeException as e:
        raise ConfigurationError(
            f'parameter {spec.name}: expected a value like {spec.default!r}: {e}'
        ) from e
    except InvalidParameterValueException as e:
        raise ConfigurationError(
            f'parameter {spec.name}: expected a value within {spec.bounds}: {e}'
        ) from e


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


def mistyped(node: Node, overrides: Iterable[str]) -> list[str]:
    """Return a line for each value that was set for a parameter which only resembles ours."""
    ours = [s.name for s in PARAMETERS]
    lines = []
    for name in overrides:
        if node.has_parameter(name):
            continue
        if name.endswith(tuple(f'.{s.name}' for s in CAMERA_PARAMETERS)):
            lines.append(f'parameter {name} is set, but cameras does not name that camera')
        elif near := difflib.get_close_matches(name, ours, n=1, cutoff=0.8):
            lines.append(f'parameter {name} is set, but is unknown: is {near[0]} meant?')
    return lines


def refusal(parameter: Parameter, is_configured: bool) -> str:
    """Return why a parameter may not be set to that value now; empty if it may."""
    spec = next((s for s in PARAMETERS if s.name == parameter.name), None)
    camera_names = tuple(f'.{s.name}' for s in CAMERA_PARAMETERS)
    is_ours = spec is not None or parameter.name.endswith(camera_names)
    if is_ours and is_configured and not (spec and spec.while_configured):
        return f'{parameter.name} cannot change while the node is configured: clean up first'
    if spec and spec.choices and parameter.value not in spec.choices:
        return f'{parameter.name}: {parameter.value!r} is not one of {", ".join(spec.choices)}'
    return ''


def model_file(value: str) -> Path:
    """Return the file that the parameter ``model`` stands for."""
    return Path(value) if value else shared_file('models', DEFAULT_MODEL)


def _read_camera(node: Node, name: str) -> CameraSettings:
    for spec in CAMERA_PARAMETERS:
        _declare(node, ParameterSpec(f'{name}.{spec.name}', spec.default, spec.description))
    image_topic = _topic(node, f'{name}.image_topic') or f'{name}/image_raw'
    info_topic = _topic(node, f'{name}.camera_info_topic') or _beside(node, image_topic)
    return CameraSettings(name, image_topic, info_topic)


def _topic(node: Node, parameter: str) -> str:
    topic = str(node.get_parameter(parameter).value)
    try:
        return topic if not topic or validate_topic_name(topic) else ''
    except InvalidTopicNameException as e:
        raise ConfigurationError(f'parameter {parameter}: {one_line(e)}') from e


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
    # An empty list reaches us as a parameter that is not set, on which get_parameter raises.
    unset = Parameter('unset')
    values = {spec.name: node.get_parameter_or(spec.name, unset).value for spec in PARAMETERS}
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
        if spec.choices and (why := refusal(node.get_parameter(spec.name), is_configured=False)):
            raise ConfigurationError(f'parameter {why}')
    return Settings(
        cameras=tuple(_read_camera(node, name) for name in names),
        model=model_file(values['model']),
        backend=values['backend'],
        precision=values['precision'],
        num_threads=values['num_threads'],
        gpu=values['gpu'],
        engine_cache=Path(values['engine_cache']) if values['engine_cache'] else None,
        cpu_fallback=values['cpu_fallback'],
        overlay_opacity=values['overlay_opacity'],
        diagnostics_period_s=values['diagnostics_period_s'],
        silence_warning_s=values['silence_warning_s'],
    )
