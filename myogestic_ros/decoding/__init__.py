"""Features, ready decoders, and how good they are."""
