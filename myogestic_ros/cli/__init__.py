"""The command ``myogestic``: what is done offline, from a terminal."""
