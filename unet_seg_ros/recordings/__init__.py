"""
Recordings without ROS: image folders with their labels, rosbag2, CARLA's palette images.

Imports ``core``, numpy and OpenCV, and rosbags in ``bag`` alone; never ROS messages, torch, an
inference engine or ``scenes``.
"""
