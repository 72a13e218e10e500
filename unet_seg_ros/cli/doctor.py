"""``unet-seg doctor``: what is wrong with a set-up, line by line, and how to mend it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from unet_seg_ros.cli.options import positive_number, topic_name
from unet_seg_ros.cli.requirements import require_ros
from unet_seg_ros.core.errors import ConfigurationError, one_line
from unet_seg_ros.core.finding import Finding, Level, fail, skip
from unet_seg_ros.core.resources import shared_file
from unet_seg_ros.doctor.environment import check_discovery, check_domain
from unet_seg_ros.doctor.machine import check_machine
from unet_seg_ros.doctor.params_file import (
    check_ros_values,
    check_sections,
    read_sections,
    values_for,
)

#: The node's name where nothing else is said.
NODE = '/segmentation_node'

#: The subject of a parameter file of which nothing can be used.
UNREADABLE = 'params file'

_COLORS = {Level.OK: 32, Level.WARN: 33, Level.FAIL: 31, Level.SKIP: 90}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--params-file',
        type=Path,
        metavar='YAML',
        help="the node's parameters (default: a running node's own, else the shipped ones)",
    )
    parser.add_argument(
        '--cameras', nargs='+', type=topic_name, metavar='CAMERA', help='the cameras, instead'
    )
    parser.add_argument(
        '--image-topic',
        metavar='TOPIC',
        help='where the cameras are, as in /carla/ego_vehicle/{camera}/image',
    )
    parser.add_argument(
        '--node',
        type=lambda text: f'/{topic_name(text.strip("/"))}',
        metavar='NAME',
        help=f"the node's full name (default: {NODE}, or the only one that runs)",
    )
    parser.add_argument(
        '--use-sim-time', action='store_true', help='the node is to run on the time of /clock'
    )
    parser.add_argument(
        '--seconds',
        type=positive_number,
        default=3.0,
        metavar='S',
        help='how long it listens to the cameras',
    )
    parser.add_argument('--json', action='store_true', help='print the findings as JSON')


def run(args: argparse.Namespace) -> int:
    """Print what is found; 1 if something is wrong."""
    # The ROS wheels start Python anew when they are imported: before anything is printed.
    ros_problem = _load_ros()
    has_failed = False
    findings = []
    for finding in _examine(args, ros_problem):
        has_failed |= finding.level is Level.FAIL
        findings.append(asdict(finding))
        if not args.json:
            print(_for_terminal(finding) if sys.stdout.isatty() else finding, flush=True)
    if args.json:
        print(json.dumps(findings, indent=1))
    return int(has_failed)


def _load_ros() -> str:
    """Import ROS; return why that cannot be done, or nothing."""
    try:
        require_ros()
        if why := _refusal_of_middleware():
            return why
        import_module('rclpy')
    except ConfigurationError as e:
        return str(e)
    except ImportError as e:
        version = '.'.join(map(str, sys.version_info[:2]))
        return f'rclpy cannot be imported ({one_line(e)}): source a ROS for Python {version}'
    return ''


def _refusal_of_middleware() -> str:
    # A missing one ends the process that imports rclpy, so another process tries it.
    name = os.environ.get('RMW_IMPLEMENTATION')
    if not name:
        return ''
    child = subprocess.run([sys.executable, '-c', 'import rclpy'], capture_output=True, text=True)
    if child.returncode == 0:
        return ''
    return (
        f'RMW_IMPLEMENTATION={name} cannot be loaded (status {child.returncode}): install it, or '
        'unset the variable'
    )


def _examine(args: argparse.Namespace, ros_problem: str) -> Iterator[Finding]:
    if not ros_problem:
        from unet_seg_ros.cli.doctor_graph import examine_graph

        yield from examine_graph(args)
        return
    yield fail('ros', ros_problem)
    yield from check_environment()
    yield from examine_alone(args)


def examine_alone(args: argparse.Namespace) -> Iterator[Finding]:
    """Look at what does not need the graph."""
    node = args.node or NODE
    yield from check_file(args.params_file, node)
    values = chosen_values(args, node, {})
    yield from check_ros_values(values)
    yield from check_machine(values)
    yield skip('graph', 'cameras, QoS and clock are not looked at', 'mend the above first')


def check_environment() -> list[Finding]:
    """Look at the variables that decide who sees whom."""
    return [check_domain(os.environ), check_discovery(os.environ)]


def check_file(path: Path | None, node: str) -> list[Finding]:
    """Look at the sections of a parameter file, if one is given."""
    if path is None:
        return []
    try:
        return check_sections(path, node, read_sections(path))
    except ConfigurationError as e:
        return [fail(UNREADABLE, str(e))]


def chosen_values(args: argparse.Namespace, node: str, running: dict[str, Any]) -> dict[str, Any]:
    """
    Return the node's parameters: of the command line, over a file's or a running node's.

    What a file sets that cannot be read was found by `check_file` and is left out.
    """
    values = dict(running)
    if args.params_file or not running:
        path = args.params_file or shared_file('config', 'segmentation.yaml')
        try:
            values = values_for(node, read_sections(path))
        except ConfigurationError:
            values = {}
    if args.cameras:
        values['cameras'] = args.cameras
    cameras = values.get('cameras')
    if args.image_topic and isinstance(cameras, list):
        topics = {
            f'{c}.image_topic': args.image_topic.replace('{camera}', str(c)) for c in cameras
        }
        values |= topics
    if args.use_sim_time:
        values['use_sim_time'] = True
    return values


def _for_terminal(finding: Finding) -> str:
    level = finding.level
    end = len(level.value)
    text = textwrap.fill(
        str(finding),
        shutil.get_terminal_size().columns,
        subsequent_indent=' ' * 6,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f'\033[{_COLORS[level]}m{text[:end]}\033[0m{text[end:]}'
