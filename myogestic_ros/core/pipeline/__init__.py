"""The pipeline: callbacks, state machine, streams, training and predictions."""
