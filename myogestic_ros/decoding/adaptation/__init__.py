"""Recalibration of a trained model with new sessions."""
