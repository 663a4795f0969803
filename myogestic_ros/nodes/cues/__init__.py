"""The cue node: runs protocols and publishes labels."""
