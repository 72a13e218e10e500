"""The half of ``unet-seg doctor`` that asks ROS."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from unet_seg_ros.cli.doctor import (
    NODE,
    UNREADABLE,
    check_environment,
    check_file,
    chosen_values,
    examine_alone,
)
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.finding import Finding, Level, fail, ok, skip, warn
from unet_seg_ros.core.resources import shared_file
from unet_seg_ros.doctor.camera import check_calibration, check_image, check_output, check_rate
from unet_seg_ros.doctor.clock import check_clock, check_stamp
from unet_seg_ros.doctor.machine import check_machine
from unet_seg_ros.doctor.params_file import check_names, read_sections
from unet_seg_ros.doctor.shared_memory import check_profile, check_publisher, find_segments
from unet_seg_ros.ros.graph_check_cameras import Ear, Ears
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
    yield check_profile(prepare() or '', shared_file('config', 'fastdds_profile.xml'))
    with peer() as graph:
        wanted = args.node or NODE
        names = graph.find_nodes(wanted)
        node = wanted if args.node or wanted in names or len(names) != 1 else names[0]
        running = graph.describe(node) if node in names else None
        yield check_running(node, running, names)
        in_file = _check_file(args, node)
        yield from in_file
        values = chosen_values(args, node, running.parameters if running else {})
        yield from check_machine(values)
        if any(f.subject == UNREADABLE for f in in_file):
            yield skip('cameras', 'not looked at', 'mend the params file first')
            return
        is_own = running and running.state == 'active' and not (args.params_file or args.cameras)
        read = graph.image_topics(node) if is_own else []
        yield from _listen(graph, node, values, read, args.seconds)


def _listen(
    graph: Peer, node: str, values: Mapping[str, Any], read: list[str], seconds: float
) -> Iterator[Finding]:
    try:
        ears = Ears(node.rpartition('/')[0] or '/', values)
    except ConfigurationError as e:
        yield fail('parameters', str(e))
        return
    with closing(ears):
        graph.executor.add_node(ears.node)
        graph.spin(seconds)
        graph.executor.remove_node(ears.node)
        use_sim_time = values.get('use_sim_time') is True
        yield check_clock(use_sim_time, ears.count_clocks(), ears.ticks_s, seconds)
        for ear in ears.cameras:
            if read and ear.topic not in read:
                yield check_remapped(ear.name, node, ear.topic, read)
            else:
                yield from _check_camera(ear, seconds)


def check_running(node: str, running: RunningNode | None, names: list[str]) -> Finding:
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

    """
    if running is None:
        others = f', but {", ".join(names)}: choose with --node' if names else ''
        return skip('node', f'{node} does not run{others}')
    if running.state == 'active':
        return ok('node', f'{node} is active')
    if not running.state:
        return fail('node', f'{node} does not answer', 'is it busy, or of another user?')
    step = {'unconfigured': 'configure', 'inactive': 'activate'}.get(running.state, 'shutdown')
    return warn(
        'node',
        f'{node} is {running.state}: it publishes nothing',
        f'`ros2 lifecycle set {node} {step}`, or autostart',
    )


def check_remapped(camera: str, node: str, topic: str, read: list[str]) -> Finding:
    """Tell that a running node reads other topics than its parameters say."""
    return warn(
        f'camera {camera}',
        f'{node} does not read {topic}, but {", ".join(read)}: remapped when it was started',
        'give camera and topic with --cameras and --image-topic to have it looked at',
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


def _check_camera(ear: Ear, seconds: float) -> Iterator[Finding]:
    subject, heard = f'camera {ear.name}', ear.heard
    published = ear.check_publishers()
    yield from published
    if any(f.level is Level.OK for f in published):
        yield check_rate(subject, heard.arrivals_s, seconds)
    if heard.arrivals_s:
        ear.read()
        yield check_image(subject, heard.form, heard.problem)
        segments = find_segments()
        for gid in ear.publisher_gids():
            yield check_publisher(subject, segments, gid, heard.num_bytes)
        if heard.age_s is not None:
            yield check_stamp(subject, heard.age_s)
        yield check_calibration(subject, heard.calibration, heard.size)
    unreadable = ear.check_readers()
    yield from unreadable
    if not unreadable:
        yield check_output(f'output {ear.name}', ear.count_readers())
