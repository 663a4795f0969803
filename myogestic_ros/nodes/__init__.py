"""The ROS rim: the only room with rclpy and messages."""
