"""The pipeline node: trains, predicts and publishes predictions."""
