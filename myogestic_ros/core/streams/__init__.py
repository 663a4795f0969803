"""Streams of samples: specification, filters, ring buffer, windows."""
