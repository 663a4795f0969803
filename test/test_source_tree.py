"""Tests that the package finds its data files when it runs from the source tree, not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

import myogestic_ros

pytestmark = pytest.mark.skipif(
    Path(myogestic_ros.__file__).resolve().parents[1] != ROOT,
    reason='the package is not imported from the source tree',
)


@pytest.fixture
def not_installed(monkeypatch, tmp_path):
    """Hide the installed data files."""
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    monkeypatch.setattr(sys, 'prefix', str(tmp_path))


def test_message_definitions_are_found(not_installed):
    from myogestic_ros.sessions.storage.message_definitions import _find_file

    assert _find_file('myogestic_ros/msg/EmgFrame') == ROOT / 'msg' / 'EmgFrame.msg'


def test_import_mappings_are_found(not_installed):
    from myogestic_ros.sources.importers.mapping import _folders

    assert [folder for folder in _folders() if folder.is_dir()] == [ROOT / 'config' / 'recordings']


def test_protocols_are_found(not_installed):
    from myogestic_ros.nodes.cues.protocol_lookup import _folder

    assert _folder() == ROOT / 'config' / 'protocols'


def test_training_process_imports_the_same_package(tmp_path):
    (tmp_path / 'decoder.py').write_text(
        'import myogestic_ros\ndef train(data): return myogestic_ros.__file__\n'
    )
    script = (
        f'import sys; sys.path.insert(0, {str(ROOT)!r})\n'
        'from myogestic_ros.core.pipeline.pipeline import Pipeline\n'
        'from myogestic_ros.core.training.decoder_file import import_decoder\n'
        'from myogestic_ros.core.training.training_data import TrainingData\n'
        'pipeline = Pipeline()\n'
        "pipeline.train(import_decoder('decoder.py').train)\n"
        "pipeline.training_data = TrainingData(['somewhere'])\n"
        'pipeline.start_training()\n'
        'pipeline.wait_for_training(60)\n'
        'print(pipeline.model)\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', script],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert Path(result.stdout.strip()) == Path(myogestic_ros.__file__)
