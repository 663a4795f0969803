"""Pipeline node: trains decoders, predicts from live streams, publishes predictions."""
