"""Recorded sessions: rosbag2 bags, written, read and cut into windows."""
