"""The simulated hand node."""
