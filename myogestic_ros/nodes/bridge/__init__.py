"""The bridge node: turns predictions into hand commands."""
