"""Quality checks of recorded signals and training data."""
