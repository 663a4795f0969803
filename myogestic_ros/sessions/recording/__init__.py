"""Recording a session, watching the disk, repairing a truncated session."""
