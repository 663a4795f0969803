"""Figures and HTML reports of evaluations."""
