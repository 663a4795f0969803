"""The pipeline itself: signals, windows, ticks, states, training, model files. Knows no ROS."""
