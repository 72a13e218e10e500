"""What several tests use: a model with known answers, a stage for ROS nodes."""
