"""
Everything that needs torch: the U-Net, how it is trained, and how it becomes a model file.

Imports torch and lightning, and of this package ``inference``, ``recordings``, ``scenes`` and
``core``; never ROS. Nothing that runs on a vehicle imports it.
"""
