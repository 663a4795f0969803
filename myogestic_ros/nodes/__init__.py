"""ROS 2 nodes: one folder for each node, and `common` for the parts that they share."""
