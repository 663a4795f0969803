"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / 'shared' / 'data'


@pytest.fixture
def recordings() -> Path:
    """Folder of recorded EMG beside the repository; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip(f'there are no recordings in {SHARED}')
    return SHARED
