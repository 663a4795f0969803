"""Hand control without ROS: mapping, goals, limits, watchdog, commands, kinematics."""
