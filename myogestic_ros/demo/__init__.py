"""The main job, walked through from outside: record, train, predict, and say how it went."""
