"""Training, target and evaluation data built from sessions."""
