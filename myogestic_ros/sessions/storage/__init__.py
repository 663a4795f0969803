"""MCAP files and rosbag2 metadata: reading, writing, locking."""
