"""
A drive without a simulator: procedural street scenes in perspective, with exact truth.

Imports numpy, OpenCV and `core`; never ROS, torch or an inference engine.
"""

from unet_seg_ros.scenes.camera import PinholeCamera
from unet_seg_ros.scenes.drive import Drive, Frame, still
from unet_seg_ros.scenes.layouts import HELD_OUT_LAYOUTS, TRAINING_LAYOUTS

__all__ = [
    'HELD_OUT_LAYOUTS',
    'TRAINING_LAYOUTS',
    'Drive',
    'Frame',
    'PinholeCamera',
    'still',
]
