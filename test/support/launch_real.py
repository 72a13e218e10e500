"""The real launch, in a process of its own, with executables that only tell how they were run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# Our folder test/launch looks like a package without content, so it is launch_ros that tells.
HAS_LAUNCH = find_spec('launch_ros') is not None

# What `ros2 launch` does with a file and its arguments.
_RUN = """
import json, sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
source = AnyLaunchDescriptionSource(sys.argv[1])
include = IncludeLaunchDescription(source, launch_arguments=json.loads(sys.argv[2]).items())
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""


class LaunchError(Exception):
    """What the real launch said when it failed."""


def commands(path: Path, arguments: dict[str, str], folder: Path) -> list[list[str]]:
    """
    Return the commands that the real launch runs.

    Raises
    ------
    LaunchError
        If it ends with another status than 0.

    """
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, '-c', _RUN, str(path), json.dumps(arguments)],
        env={**os.environ, 'RECORD_COMMANDS': str(folder), 'ROS_LOG_DIR': str(folder / 'log')},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LaunchError(done.stdout + done.stderr)
    return [json.loads(file.read_text()) for file in sorted(folder.glob('*.json'))]
