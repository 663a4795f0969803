"""Ready decoders and the recipes they are built from."""
