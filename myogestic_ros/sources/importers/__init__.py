"""Readers of recordings in other file formats."""
