"""Reading sessions: streams, labels, windows, targets."""
