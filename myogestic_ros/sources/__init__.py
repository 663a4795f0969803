"""Sources of samples: simulation, replay of recordings, and the interface for devices."""
