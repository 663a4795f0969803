"""Waiting for what other processes do."""

from __future__ import annotations

import time
from pathlib import Path


def until(condition, seconds=10.0):
    """Wait until ``condition()`` is true; fail when that takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'nothing happened'
        time.sleep(0.005)


def alive(pid):
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
