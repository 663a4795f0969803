"""Training jobs and the process they run in."""
