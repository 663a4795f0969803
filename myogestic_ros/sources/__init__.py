"""Where samples come from: simulations, recordings, devices."""
