"""Saved models: storage, manifest, compatibility."""
