"""
Examinations of a set-up, each a function that returns findings with their remedies.

Looks at files, memory, engines and at what others heard on the graph; never asks ROS itself, so
that it works where there is none.
"""
