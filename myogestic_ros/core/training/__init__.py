"""Training jobs, the process that they run in, and decoder files."""
