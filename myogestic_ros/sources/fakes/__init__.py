"""Fake devices: programs that speak the protocol of a device, for tests, demos and practice."""
