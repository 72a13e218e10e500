"""On what a run ran: processor, versions."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import unet_seg_ros

_PACKAGES = ('openvino', 'onnxruntime', 'numpy', 'opencv-python-headless', 'ros-jazzy-rclpy')


def describe_machine() -> dict[str, str]:
    """Return processor, cores, system and versions by name; what is not there is left out."""
    facts = {
        'processor': f'{_processor()}, {len(os.sched_getaffinity(0))} cores',
        'system': f'{platform.system()} {platform.release()}, Python {platform.python_version()}',
        'unet_seg_ros': unet_seg_ros.__version__,
    }
    if 'ROS_DISTRO' in os.environ:
        facts['ROS_DISTRO'] = os.environ['ROS_DISTRO']
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            facts[package] = version(package)
    return facts


def _processor() -> str:
    with suppress(OSError):
        for line in Path('/proc/cpuinfo').read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.machine()
