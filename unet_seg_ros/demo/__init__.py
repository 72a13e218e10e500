"""
The demonstration: source, node and observer as processes, then figures, pictures and a page.

Starts what speaks ROS as child processes and so needs no ROS itself; imports `core` only.
"""
