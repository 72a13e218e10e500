"""Every parameter of the node, as it is declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from unet_seg_ros.core.backend import PRECISION_CHOICES
from unet_seg_ros.core.contract import FITS
from unet_seg_ros.inference import BACKENDS

#: How many frames go through the engine at once at most.
MAX_BATCH = 8


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
            text += f' One of: {", ".join(repr(choice) for choice in self.choices)}.'
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
        'publish_rle',
        False,
        'Whether <camera>/segmentation/mask_rle, the mask as runs for Autoware, is offered.',
        while_configured=True,
    ),
    ParameterSpec(
        'max_age_s',
        0.0,
        "Age in seconds, on the node's clock, at which a frame is not published any more; 0 for "
        'never.',
        bounds=(0.0, 3600.0),
        while_configured=True,
    ),
    ParameterSpec(
        'batch_wait_ms',
        0.0,
        'Milliseconds that a frame may wait for those of other cameras, to go through the engine '
        'at once.',
        bounds=(0.0, 1000.0),
        while_configured=True,
    ),
    ParameterSpec(
        'max_batch',
        0,
        'How many frames go through the engine at once at most; 0 for the number of cameras.',
        bounds=(0, MAX_BATCH),
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
    ParameterSpec(
        'transport',
        'raw',
        'Whether images come as sensor_msgs/Image, or as sensor_msgs/CompressedImage on '
        '<image_topic>/compressed.',
        choices=('raw', 'compressed'),
    ),
    ParameterSpec(
        'fit',
        '',
        "How the image is brought to the network's size; empty for the way in which the model "
        'was trained.',
        choices=('', *FITS),
    ),
    ParameterSpec(
        'region',
        [0, 0, 0, 0],
        'The part of the image that is segmented: x, y, width, height in pixels; all zero for '
        'the whole. Beside it the mask is 255.',
    ),
    ParameterSpec(
        'ego_mask',
        '',
        'Path of an image that is not black where the camera sees its own vehicle; there the '
        'mask is 255.',
    ),
    ParameterSpec(
        'output_size',
        'camera',
        "Size of what is published: camera; network, the region at the network's own size; or "
        'WIDTHxHEIGHT.',
    ),
    ParameterSpec(
        'max_rate_hz',
        0.0,
        'How many frames of a second are segmented at most; 0 for all.',
        bounds=(0.0, 1000.0),
        while_configured=True,
    ),
    ParameterSpec(
        'min_confidence',
        0.0,
        'The confidence, 0 to 1, below which a pixel is 255 in the mask and not drivable.',
        bounds=(0.0, 1.0),
        while_configured=True,
    ),
)


def spec_of(parameter: str) -> ParameterSpec | None:
    """Return how a parameter is declared, by its name in ROS; None if it is not ours."""
    of_node = (spec for spec in PARAMETERS if spec.name == parameter)
    of_camera = (spec for spec in CAMERA_PARAMETERS if parameter.endswith(f'.{spec.name}'))
    return next(of_node, None) or next(of_camera, None)
