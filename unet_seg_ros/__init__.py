"""
Semantic segmentation of camera images for ROS 2 vehicle stacks.

Imports go one way: ``cli -> (ros | training) -> (inference | recordings | scenes) -> core``.
"""

__version__ = '0.1.0'
