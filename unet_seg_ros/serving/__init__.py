"""
From a model file to an engine that may be trusted with frames, and kept serving.

Chooses among the engines, checks their answers, falls back, recovers and swaps models. Imports
inference, scenes and core; never ROS, torch or an engine itself.
"""
