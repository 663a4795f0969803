"""The recorder node: writes labelled sessions."""
