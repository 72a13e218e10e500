"""What a verb needs beside the package itself, checked before it begins."""

from __future__ import annotations

from importlib.util import find_spec

from unet_seg_ros.core.errors import ConfigurationError


def require_ros() -> None:
    """
    Check that there is a ROS 2.

    Raises
    ------
    ConfigurationError
        If there is none; the message tells how to come by it.

    """
    if find_spec('rclpy') is None:
        raise ConfigurationError(
            "rclpy is not installed: source a ROS 2, or pip install 'unet_seg_ros[ros]'"
        )


def require_training() -> None:
    """
    Check that the trainer's libraries are installed.

    Raises
    ------
    ConfigurationError
        If one is missing; the message tells how to install them.

    """
    for library in ('torch', 'lightning', 'matplotlib'):
        if find_spec(library) is None:
            raise ConfigurationError(
                f"{library} is not installed: pip install 'unet_seg_ros[training]'"
            )
