"""
Semantic segmentation of camera images for ROS 2 vehicle stacks.

Imports go one way: ``cli -> (ros | training | demo | collect) -> (inference | recordings | scenes)
-> core``.
"""

__version__ = '0.1.0'
