"""What all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.paths import RECORDINGS


def pytest_configure():
    """Let child processes receive SIGINT, also where a shell started the tests in the background.

    Such a shell has its jobs ignore SIGINT, and child processes inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Run the longest tests first, so that no worker is left alone with one at the end."""
    longest = {'test_recorder_disk.py': 0, 'test_demo.py': 1}

    def order(item):
        starts_processes = item.get_closest_marker('processes') is not None
        return not starts_processes, longest.get(item.path.name, 2)

    items.sort(key=order)


@pytest.fixture
def recordings() -> Path:
    """Folder of recorded EMG beside the repository; the test is skipped where there is none."""
    if not RECORDINGS.is_dir():
        pytest.skip(f'there are no recordings in {RECORDINGS}')
    return RECORDINGS
