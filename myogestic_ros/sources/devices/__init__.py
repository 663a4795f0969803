"""Sources of real devices, one module for each."""
