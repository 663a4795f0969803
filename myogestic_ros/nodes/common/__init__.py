"""Shared by all nodes: lifecycle, parameters, QoS, diagnostics, message conversions."""
