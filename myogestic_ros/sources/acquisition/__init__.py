"""Parts that the sources of all devices share: connections, decoding, clock, channels."""
