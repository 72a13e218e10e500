"""Starts the segmentation node; every value of its parameters comes from the YAML file."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

SHIPPED = PathJoinSubstitution([FindPackageShare('unet_seg_ros'), 'config', 'segmentation.yaml'])


def generate_launch_description() -> LaunchDescription:
    """Return the node and the arguments that place it."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'params_file', default_value=SHIPPED, description='YAML file of parameters'
            ),
            DeclareLaunchArgument(
                'namespace', default_value='', description='namespace of the node and its topics'
            ),
            DeclareLaunchArgument(
                'log_level', default_value='info', description='debug, info, warn, error or fatal'
            ),
            Node(
                package='unet_seg_ros',
                executable='segmentation_node',
                name='segmentation_node',
                namespace=LaunchConfiguration('namespace'),
                parameters=[LaunchConfiguration('params_file')],
                ros_arguments=['--log-level', LaunchConfiguration('log_level')],
                output='screen',
            ),
        ]
    )
