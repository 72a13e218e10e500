"""
Readers of recordings: image folders and their labels.

Imports ``core``, numpy and OpenCV; never ROS messages, torch, an inference engine or ``scenes``.
"""
