"""Driver node: reads a source and publishes EMG."""
