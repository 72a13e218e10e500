"""
TensorRT and TensorRT-RTX: from a model file to an engine that may be trusted, and its run.

Nothing here imports TensorRT or CUDA until an engine is wanted. Imports core; never ROS or torch.
"""
