"""The part of ``unet-seg doctor`` that asks ROS."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from unet_seg_ros.cli.doctor import (
    NODE,
    UNREADABLE,
    check_environment,
    check_file,
    chosen_values,
    examine_alone,
)
from unet_seg_ros.cli.doctor_cameras import listen, names_of
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.finding import Finding, Level, fail, ok, skip, warn
from unet_seg_ros.core.resources import shared_file
from unet_seg_ros.doctor.machine import check_machine
from unet_seg_ros.doctor.params_file import check_names, check_ros_values, read_sections
from unet_seg_ros.doctor.shared_memory import check_profile
from unet_seg_ros.ros.graph_check_node import (
    Peer,
    RunningNode,
    describe_ros,
    peer,
    require_valid,
)
from unet_seg_ros.ros.parameter_specs import CAMERA_PARAMETERS, PARAMETERS
from unet_seg_ros.ros.shared_memory import prepare


def examine_graph(args: argparse.Namespace) -> Iterator[Finding]:
    """
    Look at everything, the graph too.

    Parameters
    ----------
    args : Namespace
        The verb's options.

    """
    yield ok('ros', describe_ros())
    environment = check_environment()
    yield from environment
    if any(f.level is Level.FAIL for f in environment):
        yield from examine_alone(args)
        return
    own_profile = shared_file('config', 'fastdds_profile.xml')
    yield check_profile(prepare() or '', own_profile, os.environ)
    with peer() as graph:
        yield from _examine_node(graph, args)


def _examine_node(graph: Peer, args: argparse.Namespace) -> Iterator[Finding]:
    node, names = _find_node(graph, args.node)
    running = graph.describe(node) if node in names else None
    yield check_running(node, running, names, is_named=args.node is not None)
    in_file = _check_file(args, node)
    yield from in_file
    values = chosen_values(args, node, running.parameters if running else {})
    refused = list(check_ros_values(values))
    yield from refused
    yield from check_machine(values, running is not None)
    own = None if args.params_file or args.cameras or args.image_topic else running
    is_silent = own is not None and not own.parameters
    if refused or is_silent or any(f.subject == UNREADABLE for f in in_file):
        yield skip('cameras', 'not looked at', 'mend the above first')
        return
    yield from listen(graph, node, values, read_topics(graph, own) if own else [], args.seconds)


def _find_node(graph: Peer, named: str | None) -> tuple[str, list[str]]:
    """Return the node that is looked at, and all segmentation nodes that run."""
    wanted = named or NODE
    found = graph.find_nodes(wanted)
    # One that is not configured publishes nothing yet, but has our name in its namespace.
    ours = {*found, *(name for name in names_of(graph) if name.endswith(NODE))}
    # Nor is one named that is only just being discovered, or hangs.
    names = sorted(name for name in ours if '_UNKNOWN_' not in name)
    return names[0] if not named and wanted not in names and len(names) == 1 else wanted, names


def read_topics(graph: Peer, running: RunningNode) -> list[str]:
    """Return the image topics that a node reads, if it is active and has not ended meanwhile."""
    is_there = running.state == 'active' and running.name in names_of(graph)
    return graph.image_topics(running.name) if is_there else []


def check_running(
    node: str, running: RunningNode | None, names: list[str], is_named: bool = False
) -> Finding:
    """
    Tell whether the node runs.

    Parameters
    ----------
    node : str
        Its full name.
    running : RunningNode or None
        What it answered, if it is there.
    names : list of str
        All segmentation nodes that are there.
    is_named : bool
        Whether the user named it.

    """
    if running is None:
        others = f', but {", ".join(names)}' if names else ''
        told = warn if others and is_named else skip
        return told('node', f'{node} does not run{others}', 'choose with --node' if others else '')
    if running.state == 'active':
        return ok('node', f'{node} is active')
    if not running.state:
        return fail(
            'node',
            f'{node} does not answer',
            'wait if its log tells of an engine; else start it anew',
        )
    remedies = {
        'unconfigured': f'`ros2 lifecycle set {node} configure`, or set autostart',
        'inactive': f'`ros2 lifecycle set {node} activate`',
        'finalized': 'start it anew',
    }
    return warn(
        'node',
        f'{node} is {running.state}: it publishes nothing',
        remedies.get(running.state, 'wait until it is active'),
    )


def _check_file(args: argparse.Namespace, node: str) -> list[Finding]:
    path = args.params_file
    findings = check_file(path, node)
    if path is None or any(f.subject == UNREADABLE for f in findings):
        return findings
    try:
        require_valid(path)
    except ConfigurationError as e:
        return [*findings, fail(UNREADABLE, str(e))]
    known, of_camera = ([p.name for p in specs] for specs in (PARAMETERS, CAMERA_PARAMETERS))
    return [*findings, *check_names(node, read_sections(path), known, of_camera)]
