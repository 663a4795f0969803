"""Cue protocols: files, schedules, ramps and the runner."""
