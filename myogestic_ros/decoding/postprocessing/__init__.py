"""Post-processing of predictions: rejection, votes, smoothing."""
