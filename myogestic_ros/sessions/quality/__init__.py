"""Checks and statistics of a recorded session."""
