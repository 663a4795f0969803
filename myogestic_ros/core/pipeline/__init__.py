"""The pipeline and its state machine."""
