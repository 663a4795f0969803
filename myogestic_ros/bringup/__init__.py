"""Launch descriptions and the activation order of the managed nodes."""
