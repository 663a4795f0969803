"""The cues node: run protocols and publish labels."""
