"""Quality checks of training data and signals."""
