"""The command ``myogestic``: sessions, training, evaluation and replay without a ROS graph."""
