"""The nodes that the launch files start, run by the very commands, over DDS."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.ros


def test_the_yaml_reaches_a_node_of_any_name(launch_commands, run, graph, known_model, tmp_path):
    file = tmp_path / 'own.yaml'
    file.write_text('/**: {ros__parameters: {cameras: [left], num_threads: 1}}\n')
    (command,) = launch_commands(
        'segmentation.launch.py', params_file=str(file), node_name='eyes', model=str(known_model)
    )
    run(command)
    graph.wait_until_active('/eyes')
    assert graph.parameters('/eyes', 'num_threads') == {'num_threads': 1}
    wanted = {'/left/image_raw', '/left/camera_info'}
    graph.wait_until(lambda: graph.subscribed('/eyes') == wanted, f'{wanted}')


def test_an_argument_wins_over_a_block_that_names_the_node(
    launch_commands, run, graph, known_model, tmp_path
):
    file = tmp_path / 'own.yaml'
    file.write_text('segmentation_node: {ros__parameters: {cameras: [left], model: /no.onnx}}\n')
    (command,) = launch_commands(
        'segmentation.launch.py', params_file=str(file), cameras='right', model=str(known_model)
    )
    run(command)
    graph.wait_until_active('/segmentation_node')
    assert graph.parameters('/segmentation_node', 'cameras') == {'cameras': ['right']}


def test_carla(launch_commands, run, graph, known_model):
    (command,) = launch_commands('carla.launch.py', cameras='rgb_front', model=str(known_model))
    run(command)
    graph.wait_until_active('/segmentation_node')
    sensor = '/carla/ego_vehicle/rgb_front'
    wanted = {f'{sensor}/image', f'{sensor}/camera_info', '/clock'}
    graph.wait_until(lambda: graph.subscribed('/segmentation_node') == wanted, f'{wanted}')
    mask = '/rgb_front/segmentation/mask'
    graph.wait_until(lambda: mask in graph.published('/segmentation_node'), mask)


def test_camera_processes(launch_commands, run, graph, known_model):
    for command in launch_commands(
        'camera_processes.launch.py', cameras='front,rear', model=str(known_model)
    ):
        run(command)
    for camera in ('front', 'rear'):
        node = f'/segmentation_node_{camera}'
        graph.wait_until_active(node)
        wanted = {f'/{camera}/image_raw', f'/{camera}/camera_info'}
        graph.wait_until(lambda n=node, w=wanted: graph.subscribed(n) == w, f'{wanted}')
