"""Built-in decoders and the recipes that define them."""
