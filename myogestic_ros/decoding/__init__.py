"""Features, built-in decoders, recalibration, evaluation and quality checks."""
