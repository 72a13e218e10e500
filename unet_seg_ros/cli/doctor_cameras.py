"""The part of ``unet-seg doctor`` that listens to the cameras and to the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.finding import Finding, Level, fail, skip
from unet_seg_ros.core.resources import shared_file
from unet_seg_ros.doctor.calibration import check_calibration
from unet_seg_ros.doctor.camera import (
    check_ego_mask,
    check_frame,
    check_image,
    check_output,
    check_publishers,
    check_rate,
    check_region,
)
from unet_seg_ros.doctor.clock import check_clock, check_stamp
from unet_seg_ros.doctor.machine import expanded
from unet_seg_ros.doctor.shared_memory import check_publisher, find_segments
from unet_seg_ros.ros.graph_check_cameras import Ear, Ears
from unet_seg_ros.ros.graph_check_node import Peer


def listen(
    graph: Peer, node: str, values: Mapping[str, Any], read: list[str], seconds: float
) -> Iterator[Finding]:
    """
    Listen as a node would, and tell what came.

    Parameters
    ----------
    graph : Peer
        Who asks the others.
    node : str
        The node's full name.
    values : mapping
        Its parameters by name.
    read : list of str
        The image topics that it reads, where it runs with these parameters; else empty.
    seconds : float
        How long to listen [s].

    """
    try:
        ears = Ears(node.rpartition('/')[0] or '/', values)
    except ConfigurationError as e:
        yield fail('parameters', str(e))
        yield skip('cameras', 'not looked at', 'mend the above first')
        return
    with closing(ears):
        graph.executor.add_node(ears.node)
        graph.spin(seconds)
        graph.executor.remove_node(ears.node)
        use_sim_time = values.get('use_sim_time') is True
        yield check_clock(use_sim_time, ears.count_clocks(), ears.ticks_s, seconds)
        for ear in ears.cameras:
            if read and ear.topic not in read:
                yield _check_remapped(ear.name, node, ear.topic, read)
            else:
                yield from _check_camera(ear, values, seconds)
        yield from _check_twins(graph, node, ears)


def names_of(graph: Peer) -> list[str]:
    """Return the full names of all nodes that are seen; two may be the same."""
    return [
        f'{namespace.rstrip("/")}/{name}'
        for name, namespace in graph.node.get_node_names_and_namespaces()
    ]


def _check_remapped(camera: str, node: str, topic: str, read: list[str]) -> Finding:
    return skip(
        f'camera {camera}',
        f'{node} does not read {topic}, but {", ".join(read)}: remapped when it was started',
        'give camera and topic with --cameras and --image-topic to have it looked at',
    )


def _check_camera(ear: Ear, values: Mapping[str, Any], seconds: float) -> Iterator[Finding]:
    subject, heard = f'camera {ear.name}', ear.heard
    published = ear.check_publishers()
    yield from published
    if any(f.level is Level.OK for f in published):
        yield check_rate(subject, heard.arrivals_s, seconds)
    if heard.arrivals_s:
        ear.read()
        yield check_image(subject, heard.form, heard.problem)
        yield from _check_image_parameters(ear, values)
        yield from _check_memory(ear)
        if heard.age_s is not None:
            use_sim_time = values.get('use_sim_time') is True
            yield check_stamp(subject, heard.age_s, use_sim_time)
        info_frame_id = heard.info_frame_id if heard.calibration else None
        yield from check_frame(subject, heard.frame_id, info_frame_id)
        yield check_calibration(subject, heard.calibration, heard.size)
    unreadable = ear.check_readers()
    yield from unreadable
    if not unreadable:
        yield check_output(f'output {ear.name}', ear.count_readers())


def _check_image_parameters(ear: Ear, values: Mapping[str, Any]) -> Iterator[Finding]:
    subject, size = f'camera {ear.name}', ear.heard.size
    if size is None or 0 in size:
        return
    yield from check_region(subject, values.get(f'{ear.name}.region') or (), size)
    if ego_mask := values.get(f'{ear.name}.ego_mask'):
        yield check_ego_mask(subject, expanded(ego_mask), size)


def _check_memory(ear: Ear) -> Iterator[Finding]:
    subject, segments, gids = f'camera {ear.name}', find_segments(), ear.publisher_gids()
    yield from check_publishers(subject, ear.topic, len(gids))
    profile = shared_file('config', 'fastdds_profile.xml')
    findings = [
        check_publisher(subject, segments, gid, ear.heard.num_bytes, profile) for gid in gids
    ]
    # Of publishers in one process the same is said.
    yield from dict.fromkeys(findings)


def _check_twins(graph: Peer, node: str, ears: Ears) -> list[Finding]:
    """Tell whether others do the node's work too, seen after all that was listened to."""
    if (num := names_of(graph).count(node)) > 1:
        told = f'{num} nodes are called {node}: each answers some of what is asked'
        remedy = 'end all but one, or start it with another -r __node:=NAME'
        return [fail('node', told, f'{remedy}; one that was killed is seen for 20 s more')]
    masks = [ears.node.resolve_topic_name(f'{ear.name}/segmentation/mask') for ear in ears.cameras]
    return [
        fail('node', f'{num} nodes publish {mask}', 'end all but one, or name another camera')
        for mask in masks
        if (num := graph.node.count_publishers(mask)) > 1
    ]
