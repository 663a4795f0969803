"""The driver node: reads a source and publishes EMG."""
