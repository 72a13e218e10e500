"""
All that speaks ROS 2: the segmentation node, the drive publisher, the player, the observer.

The only part that imports rclpy and messages; never torch.
"""
