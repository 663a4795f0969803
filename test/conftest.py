"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import RECORDINGS


def pytest_collection_modifyitems(items):
    """Run first what takes longest: at the end nothing should be left that all wait for."""
    order = {'test_recorder_disk.py': 0, 'test_demo.py': 1}
    items.sort(key=lambda item: (item.path.parent.name != 'system', order.get(item.path.name, 2)))


@pytest.fixture
def recordings() -> Path:
    """Folder of recorded EMG beside the repository; the test is skipped where there is none."""
    if not RECORDINGS.is_dir():
        pytest.skip(f'there are no recordings in {RECORDINGS}')
    return RECORDINGS
