"""Accuracy of built-in decoders on recorded EMG."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from support.paths import ROOT

DATA = ROOT.parent / 'shared' / 'data'

pytestmark = pytest.mark.skipif(
    not (DATA / 'myo-readings' / '12345-1').is_dir(),
    reason='recorded EMG is not here (../shared/data/myo-readings)',
)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location('accuracy_bench', ROOT / 'bench' / 'accuracy.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_accuracy_on_the_last_repetition(bench: ModuleType) -> None:
    parts = bench.read_myo(DATA / 'myo-readings' / '12345-1', [1])
    windows, classes, repetitions = bench.cut(parts)
    assert windows.shape[1:] == (8, 40)
    assert sorted(set(classes)) == list(range(8))
    assert sorted(set(repetitions)) == list(range(6))
    last, leave_one_out, first_only = bench.score_ours((windows, classes, repetitions))
    assert last >= 90.0
    assert leave_one_out >= 90.0
    assert first_only >= 80.0


def test_exit_code_depends_on_the_accuracy(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, 'libemg_scorer', lambda: None)
    arguments = ['accuracy.py', '--data', str(DATA), '--sessions', '12345-1']
    monkeypatch.setattr(sys, 'argv', arguments)
    assert bench.main() == 0
    assert ': passed.' in capsys.readouterr().out
    monkeypatch.setattr(bench, 'LIMITS', {'myo-readings': (98.5, 99.99, 92.0)})
    assert bench.main() == 1
    monkeypatch.setattr(sys, 'argv', [*arguments[:3], '--sessions', 'nobody'])
    assert bench.main() == 2
