"""
All that speaks ROS 2: the segmentation node, drive publisher, player, recorder, viewer, observer.

The only part that imports rclpy and messages; never torch.
"""
