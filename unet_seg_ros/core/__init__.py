"""
What every other part stands on: sizes, classes, the model contract, pixels, masks, metrics.

Imports numpy and OpenCV (and ``onnx`` to read a model file's metadata); never ROS, torch or an
inference engine.
"""
