"""
Starts the segmentation node, or only builds its engine.

An argument left empty means "as in the YAML file": no value of a parameter stands here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage, FindPackageShare

PACKAGE = 'unet_seg_ros'

ARGUMENTS = {
    'namespace': 'namespace of the node and its topics',
    'node_name': 'name of the node, if not segmentation_node',
    'cameras': 'names of the cameras, as in front,rear',
    'image_topic': 'topic of the images, with {camera} for each of cameras, as in '
    '/sensing/camera/{camera}/image_raw; camera_info lies beside it',
    'params_file': 'YAML file of parameters, which holds where an argument is left empty; if not '
    'the shipped config/segmentation.yaml',
    'model': 'path of the ONNX model file',
    'backend': 'inference engine',
    'use_sim_time': 'true for the time of /clock',
    'autostart': 'false where a lifecycle manager starts the node',
    'log_level': 'debug, info, warn, error or fatal',
    'process_per_camera': 'true for a node in its own process for each of cameras',
    'rviz': 'true to start rviz2 as well; it shows the first of cameras',
    'build_only': "true to build the model's TensorRT engine for these cameras, in the user's "
    'cache, instead of starting the node',
}

NODE_NAME = 'segmentation_node'

#: What config/segmentation.rviz shows.
RVIZ_CAMERA = 'camera'
RVIZ_TOPICS = (
    'image_raw',
    'segmentation/overlay',
    'segmentation/color_mask',
    'segmentation/camera_info',
)


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what they start."""
    declared = [
        DeclareLaunchArgument(name, default_value='', description=text)
        for name, text in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[Any]:
    """Return the processes that the arguments ask for."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    cameras = re.findall(r'[^\s,\[\]\'"]+', given['cameras'])
    if flag(given, 'build_only'):
        return [engine_build(given, cameras)]
    share = Path(FindPackageShare(PACKAGE).perform(context))
    file = Path(given['params_file'] or share / 'config' / 'segmentation.yaml').expanduser()
    if not file.is_file():  # launch itself would only warn, and leave it out
        raise ValueError(f'params_file: {file} is no file; give the path of a YAML file')
    if not cameras and (given['image_topic'] or flag(given, 'process_per_camera')):
        raise ValueError('image_topic and process_per_camera need cameras, as in cameras:=front')
    if len(cameras) > 1 and given['image_topic'] and '{camera}' not in given['image_topic']:
        raise ValueError('image_topic: is the same for all cameras; write {camera} in it')
    actions = [node(given, file, name, group) for name, group in groups(given, cameras).items()]
    if flag(given, 'rviz'):
        # First: where rviz2 is not installed, launch fails and leaves behind what it had started.
        actions.insert(0, rviz(given, share / 'config' / 'segmentation.rviz', cameras))
    return actions


def groups(given: dict[str, str], cameras: list[str]) -> dict[str, list[str]]:
    """Return the cameras of each node, by its name."""
    name = given['node_name'] or NODE_NAME
    if not flag(given, 'process_per_camera'):
        return {name: cameras}
    found = {f'{name}_{camera.replace("/", "_")}': [camera] for camera in cameras}
    if len(found) < len(cameras):
        raise ValueError(f'cameras: the nodes of two of {cameras} would have the same name')
    return found


def node(given: dict[str, str], file: Path, name: str, cameras: list[str]) -> Node:
    """Return one node; what is given overrides the file."""
    overrides: dict[str, Any] = {key: given[key] for key in ('model', 'backend') if given[key]}
    for key in ('use_sim_time', 'autostart'):
        if given[key]:
            overrides[key] = flag(given, key)
    if cameras:
        overrides['cameras'] = cameras
    if given['image_topic']:
        overrides |= {f'{camera}.image_topic': image_topic(given, camera) for camera in cameras}
    return Node(
        package=PACKAGE,
        executable='segmentation_node',
        name=name,
        # Even an empty one: launch_ros then addresses the overrides to this very node, and they
        # win over a block of the file that names it.
        namespace=given['namespace'],
        parameters=[str(file), overrides] if overrides else [str(file)],
        ros_arguments=['--log-level', given['log_level']] if given['log_level'] else None,
        output='screen',
    )


def rviz(given: dict[str, str], config: Path, cameras: list[str]) -> Node:
    """Return rviz2 with the displays of the shipped file, on the first camera."""
    camera = cameras[0] if cameras else RVIZ_CAMERA
    topics = {topic: f'{camera}/{topic}' for topic in RVIZ_TOPICS}
    if given['image_topic']:
        topics['image_raw'] = image_topic(given, camera)
    return Node(
        package='rviz2',
        executable='rviz2',
        name='rviz2',
        namespace=given['namespace'],
        arguments=['-d', str(config)],
        parameters=[{'use_sim_time': True}] if flag(given, 'use_sim_time') else None,
        remappings=[(f'/{RVIZ_CAMERA}/{topic}', there) for topic, there in topics.items()],
        output='screen',
    )


def engine_build(given: dict[str, str], cameras: list[str]) -> ExecuteProcess:
    """Return the process that builds the engine and keeps it in the user's cache."""
    if not given['model']:
        raise ValueError('build_only needs the model, as in model:=my_model.onnx')
    module = [] if given['backend'] in ('', 'auto') else ['--module', given['backend']]
    # The node asks for an engine that takes all of its cameras at once.
    together = 1 if flag(given, 'process_per_camera') else max(len(cameras), 1)
    batch = ['--max-batch', str(together)]
    model = str(Path(given['model']).expanduser())
    command = ['build-engine', '--model', model, *batch, *module]
    return ExecuteProcess(
        cmd=[ExecutableInPackage('unet-seg', PACKAGE), *command], on_exit=built, output='screen'
    )


def built(event: Any, context: LaunchContext) -> None:
    """Make `ros2 launch` end with status 1 where the build failed; by itself it would be 0."""
    if event.returncode:
        raise RuntimeError(f'no engine was built: unet-seg ended with status {event.returncode}')


def image_topic(given: dict[str, str], camera: str) -> str:
    """Return the topic of a camera's images."""
    return given['image_topic'].replace('{camera}', camera)


def flag(given: dict[str, str], name: str) -> bool:
    """Return an argument that is true or false; empty is false."""
    word = given[name].lower()
    if word not in ('', 'true', 'false'):
        raise ValueError(f'{name}: {given[name]!r} is neither true nor false')
    return word == 'true'
