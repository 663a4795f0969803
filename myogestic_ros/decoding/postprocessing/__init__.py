"""Post-processing of predictions: rejection, majority vote, smoothing, dead zone."""
