"""
Starts a node for each camera, each in its own process with its own engine.

It costs memory and computing time; a camera's process can then end without the others.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

SEGMENTATION = PathJoinSubstitution(
    [FindPackageShare('unet_seg_ros'), 'launch', 'segmentation.launch.py']
)


def generate_launch_description() -> LaunchDescription:
    """Return the included file, which declares the other arguments."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('cameras', description='names of the cameras, as in front,rear'),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(SEGMENTATION),
                launch_arguments={
                    'cameras': LaunchConfiguration('cameras'),
                    'process_per_camera': 'true',
                }.items(),
            ),
        ]
    )
