"""
Recordings without ROS: image folders with their labels, rosbag2, CARLA's palette images.

`open_recording` reads all forms through one interface; `cached` keeps them decoded.

Imports ``core``, numpy and OpenCV, and rosbags in ``bag`` and ``labelled_bag`` alone; never ROS
messages, torch, an inference engine or ``scenes``.
"""
