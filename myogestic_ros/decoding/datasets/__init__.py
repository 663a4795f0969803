"""Training, target and evaluation sets computed from sessions."""
