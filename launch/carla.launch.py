"""
Segments CARLA's cameras: segmentation.launch.py with CARLA's topics and its clock.

The ROS bridge and CARLA's own ROS 2 publishers (``--ros2``) name their topics alike:
``/carla/<role name>/<camera>/image``, with ``camera_info`` beside it.
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
    """Return CARLA's arguments and the included file, which declares the others."""
    role_name = LaunchConfiguration('role_name')
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'role_name', default_value='ego_vehicle', description="the vehicle's role name"
            ),
            DeclareLaunchArgument(
                'cameras', description="the cameras' names in CARLA, as in rgb_front,rgb_rear"
            ),
            DeclareLaunchArgument(
                'use_sim_time', default_value='true', description="CARLA's time, from /clock"
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(SEGMENTATION),
                launch_arguments={
                    'cameras': LaunchConfiguration('cameras'),
                    'use_sim_time': LaunchConfiguration('use_sim_time'),
                    'image_topic': ['/carla/', role_name, '/{camera}/image'],
                }.items(),
            ),
        ]
    )
