"""Training of a built-in decoder on several cores, cancelled while it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.processes import alive, until
from support.recorded import write_signal

from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.sessions.reading.training_data import complete_training_data

RATE = 1000.0
SLOW = 'sklearn.ensemble:RandomForestClassifier(n_estimators=100000)'


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Session whose features are large enough to be shared between processes in memory."""
    rng = np.random.default_rng(0)
    data = 1e-5 * rng.standard_normal((8 * 1500, 64)).astype(np.float32)
    labels = [(1500 * n, n % 2, ('rest', 'fist')[n % 2], n // 2) for n in range(8)]
    return write_signal(tmp_path_factory.mktemp('sessions') / 's', data, labels, RATE)


def in_group(leader: int) -> set[int]:
    """Return the running processes of a process group."""
    found = set()
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            words = stat.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(words[2]) == leader and words[0] != 'Z':
            found.add(int(stat.parent.name))
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f'/proc/{pid}/cmdline').read_text()
    except OSError:
        return ''


def shared(leader: int) -> list[Path]:
    """Return the shared memory of a training and its worker processes."""
    names = (f'sem.loky-{leader}-*', f'joblib_memmapping_folder_{leader}_*')
    return [path for name in names for path in Path('/dev/shm').glob(name)]


@pytest.mark.parametrize(('backend', 'helpers'), [('loky', 2), ('threading', 0)])
def test_cancelled_training_leaves_no_process_and_no_memory(
    path: Path, backend: str, helpers: int
) -> None:
    pipeline = named_decoder(SLOW)
    pipeline.use_model('old', 'old name', ['old class'])
    pipeline.training_data = complete_training_data(
        TrainingData(paths=[str(path)], backend=backend, hop_ms=4.0)
    )
    pipeline.start_training()
    leader = pipeline.training.pid
    assert leader is not None
    until(lambda: any('fist: ' in line for line in pipeline.train_log), 60.0)
    until(lambda: sum('loky' in command_of(p) for p in in_group(leader)) >= helpers, 60.0)
    members = in_group(leader)
    pipeline.cancel_training()
    assert pipeline.state == 'idle'
    assert pipeline.status_message == 'Training was cancelled; the previous model stays in use.'
    until(lambda: not in_group(leader) and not any(map(alive, members)), 30.0)
    assert pipeline.wait_for_training(30.0)
    assert pipeline.model == 'old'
    assert not shared(leader)


def test_finished_training_leaves_no_process_and_no_memory(path: Path) -> None:
    pipeline = named_decoder('lda')
    pipeline.training_data = complete_training_data(
        TrainingData(paths=[str(path)], backend='loky', hop_ms=4.0)
    )
    pipeline.start_training()
    leader = pipeline.training.pid
    assert leader is not None
    assert pipeline.wait_for_training(60.0)
    assert pipeline.status_message == 'Training is done.'
    assert not in_group(leader)
    assert not shared(leader)
