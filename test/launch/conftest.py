"""The package as an ament prefix shows it, and what launches its files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import launch_real, launch_stand_in
from support.graph import Graph

from unet_seg_ros.demo.domain import own_domain

ROOT = Path(__file__).parents[2]

_EXECUTABLE = """#!{python}
import json, os, sys
if 'RECORD_COMMANDS' in os.environ:
    with open(os.path.join(os.environ['RECORD_COMMANDS'], f'{{os.getpid()}}.json'), 'w') as file:
        json.dump(sys.argv, file)
    sys.exit(0)
from {module} import main
sys.exit(main())
"""

# rviz2 is nowhere but in a full ROS: its executable is never run here.
_EXECUTABLES = {
    'unet_seg_ros': {
        'segmentation_node': 'unet_seg_ros.ros.__main__',
        'unet-seg': 'unet_seg_ros.cli.main',
    },
    'rviz2': {'rviz2': 'rviz2'},
}

Launcher = Callable[..., list[list[str]]]


@pytest.fixture
def share(tmp_path, monkeypatch) -> Path:
    """Return the package's share folder in an ament prefix, as colcon installs it."""
    prefix = tmp_path / 'prefix'
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    for package, executables in _EXECUTABLES.items():
        (index / package).touch()
        (prefix / 'lib' / package).mkdir(parents=True)
        (prefix / 'share' / package).mkdir()
        for name, module in executables.items():
            file = prefix / 'lib' / package / name
            file.write_text(_EXECUTABLE.format(python=sys.executable, module=module))
            file.chmod(0o755)
    share = prefix / 'share' / 'unet_seg_ros'
    for folder in ('config', 'launch'):
        (share / folder).symlink_to(ROOT / folder)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(prefix), prepend=os.pathsep)
    # launch_ros never removes the parameter files that it writes.
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    return share


@pytest.fixture
def launch_commands(share, tmp_path) -> Launcher:
    """Return what yields a launch file's commands: the real launch where it is installed."""

    def launched(file: str, **arguments: str) -> list[list[str]]:
        path = share / 'launch' / file
        if launch_real.HAS_LAUNCH:
            return launch_real.commands(path, arguments, tmp_path / 'commands')
        return launch_stand_in.commands(path, arguments, 'jazzy')

    return launched


@pytest.fixture
def graph(monkeypatch) -> Iterator[Graph]:
    """Return a view of a ROS domain that this test and its processes have to themselves."""
    with own_domain() as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        graph = Graph(domain)
        yield graph
        graph.close()


@pytest.fixture
def run() -> Iterator[Callable[[list[str]], None]]:
    """Return what runs a command; the process is killed when the test ends."""
    running: list[subprocess.Popen] = []

    yield lambda command: running.append(subprocess.Popen(command))
    for process in running:
        process.kill()
        process.wait()
