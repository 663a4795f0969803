"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / 'shared' / 'data'


def pytest_collection_modifyitems(items):
    """Run what starts processes first: it takes longest, and nothing should be left to wait for."""
    items.sort(key=lambda item: item.path.parent.name != 'system')


@pytest.fixture
def recordings() -> Path:
    """Folder of recorded EMG beside the repository; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip(f'there are no recordings in {SHARED}')
    return SHARED
