"""From predictions to joint commands: mapping, limits, watchdog."""
