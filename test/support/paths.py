"""Folders of the repository that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = Path(__file__).resolve().parent
RECORDINGS = ROOT.parent / 'shared' / 'data'
"""Recorded EMG beside the repository, where there is any."""
