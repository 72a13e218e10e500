"""The shipped examples for rviz, Nav2 and Autoware fit the node, and the model that it ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rclpy
import yaml
from lifecycle_msgs.msg import Transition
from support.graph import Lifecycle

from unet_seg_ros.core.contract import read_contract

pytestmark = pytest.mark.ros

CONFIG = Path(__file__).parents[2] / 'config'
NODE = '/segmentation_node'

# What the layer declares, from semantic_segmentation_layer.cpp (branch jazzy, 274c713).
SOURCE_PARAMETERS = {
    *('segmentation_topic', 'confidence_topic', 'labels_topic', 'pointcloud_topic'),
    *('observation_persistence', 'expected_update_rate', 'class_types', 'max_obstacle_distance'),
    *('min_obstacle_distance', 'tile_map_decay_time', 'visualize_tile_map', 'use_cost_selection'),
}
TYPE_PARAMETERS = {
    *('classes', 'base_cost', 'max_cost', 'mark_confidence', 'samples_to_max_cost'),
    'dominant_priority',
}


def example(name: str) -> Any:
    return yaml.safe_load((CONFIG / name).read_text())


def displayed() -> set[str]:
    """Return the topics of segmentation.rviz; a Camera display also reads camera_info."""
    topics = set()
    for display in example('segmentation.rviz')['Visualization Manager']['Displays']:
        if 'Topic' in display:
            topics.add(display['Topic']['Value'])
        if display['Class'] == 'rviz_default_plugins/Camera':
            topics.add(display['Topic']['Value'].rpartition('/')[0] + '/camera_info')
    return topics


def test_every_topic_of_the_rviz_file_is_in_the_graph(launch_commands, run, graph, known_model):
    (command,) = launch_commands('segmentation.launch.py', model=str(known_model))
    run(command)
    graph.wait_until_active(NODE)
    assert len(displayed()) == 4
    graph.wait_until(
        lambda: displayed() <= graph.published(NODE) | graph.subscribed(NODE), 'all of its topics'
    )


def test_rviz_is_remapped_to_the_first_camera(launch_commands, run, graph, known_model):
    commands = launch_commands(
        'segmentation.launch.py',
        namespace='car',
        cameras='front,rear',
        image_topic='/sensing/{camera}/image',
        model=str(known_model),
        rviz='true',
    )
    rviz, node = sorted(commands, key=lambda command: 'rviz2' not in command[0])
    run(node)
    name = '/car/segmentation_node'
    graph.wait_until_active(name)
    resolving = rclpy.create_node(
        'any', context=graph.context, cli_args=rviz[rviz.index('--ros-args') :]
    )
    shown = {resolving.resolve_topic_name(topic) for topic in displayed()}
    resolving.destroy_node()
    assert '/car/front/segmentation/overlay' in shown
    graph.wait_until(
        lambda: shown <= graph.published(name) | graph.subscribed(name), f'all of {shown}'
    )


def test_nav2_knows_every_class_of_the_shipped_model(shipped_model):
    costmap = example('nav2_semantic_segmentation.yaml')['local_costmap']['local_costmap']
    layer = costmap['ros__parameters']['semantic_segmentation_layer']
    source = layer[layer['observation_sources']]
    types = {name: source.pop(name) for name in source['class_types']}
    assert set(source) <= SOURCE_PARAMETERS
    assert all(set(kind) == TYPE_PARAMETERS for kind in types.values())
    contract = read_contract(shipped_model)
    classes = [name for kind in types.values() for name in kind['classes']]
    assert sorted(classes) == sorted(c.name for c in contract.table.classes)
    assert sorted(types['drivable']['classes']) == sorted(contract.drivable)


def test_nav2s_manager_can_start_the_node(launch_commands, share, run, graph, known_model):
    file = 'nav2_semantic_segmentation.yaml'
    manager = example(file)['lifecycle_manager_segmentation']['ros__parameters']
    assert manager == {
        'autostart': True,
        'node_names': [NODE.lstrip('/')],
        'bond_timeout': 0.0,
    }
    (command,) = launch_commands(
        'segmentation.launch.py', params_file=str(share / 'config' / file), model=str(known_model)
    )
    run(command)
    assert graph.state(NODE) == 'unconfigured'
    lifecycle = Lifecycle(graph, NODE)
    assert lifecycle.change(Transition.TRANSITION_CONFIGURE)
    assert lifecycle.change(Transition.TRANSITION_ACTIVATE)
    assert graph.state(NODE) == 'active'


def test_nav2_reads_topics_that_the_node_publishes(launch_commands, run, graph, known_model):
    costmap = example('nav2_semantic_segmentation.yaml')['local_costmap']['local_costmap']
    source = costmap['ros__parameters']['semantic_segmentation_layer']['camera']
    (command,) = launch_commands('segmentation.launch.py', model=str(known_model))
    run(command)
    graph.wait_until_active(NODE)
    wanted = {source['segmentation_topic'], source['confidence_topic']}
    graph.wait_until(lambda: wanted <= graph.published(NODE), f'{wanted}')


def test_autowares_cameras(launch_commands, share, run, graph, known_model):
    (command,) = launch_commands(
        'segmentation.launch.py',
        params_file=str(share / 'config' / 'autoware_cameras.yaml'),
        model=str(known_model),
    )
    run(command)
    graph.wait_until_active(NODE)
    wanted = {
        f'/sensing/camera/camera{number}/{topic}'
        for number in (0, 1)
        for topic in ('image_raw', 'camera_info')
    }
    graph.wait_until(lambda: graph.subscribed(NODE) == wanted, f'{wanted}')
