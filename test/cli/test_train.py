"""``myogestic train``: saved models, options, cancellation and error messages."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.arm_session import write_arm
from support.recorded import synthetic_emg, write_signal
from typer.testing import CliRunner

from myogestic_ros.cli.__main__ import app
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.streams.filter_spec import FilterSpec

RATE = 1000.0
FOR_EVER = """
import time

from myogestic_ros import Pipeline

pipeline = Pipeline()


@pipeline.extract
def extract(windows):
    return 0.0


@pipeline.train
def train(data):
    print('begun', flush=True)
    time.sleep(600.0)


@pipeline.predict
def predict(model, features):
    return {}
"""
OWN = """
from myogestic_ros import FilterSpec, Pipeline, StreamSpec, iter_labeled_windows

filters = FilterSpec((30.0, 0.0), notch=60.0)
pipeline = Pipeline(streams=[StreamSpec('emg', 150.0, filters=filters)])


@pipeline.extract
def extract(windows):
    return windows['emg'].std()


@pipeline.train
def train(data):
    found = list(iter_labeled_windows(data.paths, 'emg', data.window_ms, data.hop_ms))
    return len(found)


@pipeline.predict
def predict(model, features):
    return {}
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sessions')
    write_signal(folder / 'monday', *synthetic_emg(repetitions=2, seconds=1.0), RATE)
    write_arm(folder / 'arm')
    return folder


def call(folder: Path, models: Path, *arguments: str, code: int = 0) -> str:
    """Run the command; return its output on one line."""
    words = ['train', *arguments, '--session-dir', str(folder), '--model-dir', str(models)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    assert 'Traceback (most recent' not in result.output or code
    return re.sub(r'\s+', ' ', result.output)


@pytest.mark.parametrize(
    ('decoder', 'session', 'name'),
    [('covariance', 'monday', 'covariance'), ('ridge', 'arm', 'ridge')],
)
def test_model_is_saved_for_the_node(
    folder: Path, tmp_path: Path, decoder: str, session: str, name: str
) -> None:
    target = ['--target', 'glove'] if session == 'arm' else []
    said = call(folder, tmp_path, session, '-d', decoder, *target)
    assert 'Trained on all windows.' in said
    (saved,) = ModelStore(tmp_path).names()
    assert f"Saved as '{saved}'." in said
    assert saved.startswith(name)


@pytest.mark.parametrize('ros', [True, False])
def test_next_command_fits_the_installation(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ros: bool
) -> None:
    monkeypatch.setattr('shutil.which', lambda name: '/opt/ros/bin/ros2' if ros else None)
    said = call(folder, tmp_path, 'monday', '-d', 'htd_lda')
    (model,) = ModelStore(tmp_path).names()
    launch = (
        f'Use it: ros2 launch myogestic_ros bringup.launch.py decoder:=htd_lda model:={model} '
        f'model_dir:={tmp_path}'
    )
    offline = f'myogestic replay monday --model {model} --model-dir {tmp_path}'
    live = f'myogestic-pipeline --ros-args -p decoder:=htd_lda -p model:={model}'
    assert (launch in said) is ros
    assert (offline in said) is not ros
    assert (live in said) is not ros


def manifest(models: Path) -> Manifest:
    """Return the manifest of the only model."""
    (saved,) = ModelStore(models).names()
    return ModelStore(models).manifest(saved)


def test_filter_and_settling_options_are_saved(folder: Path, tmp_path: Path) -> None:
    words = '-d htd_lda --settle-ms 300 --bandpass 20 400 --filter-order 2 --notch 50'
    more = '--harmonics 2 --notch-width 5 --reference average'
    said = call(folder, tmp_path, 'monday', *words.split(), *more.split())
    assert 'the first 300 ms of each cue are left out' in said
    (spec,) = manifest(tmp_path).streams
    assert spec.filters == FilterSpec((20.0, 400.0), 2, 50.0, 2, 5.0, True)


def test_missing_options_are_taken_from_the_decoder(folder: Path, tmp_path: Path) -> None:
    decoder = tmp_path / 'own.py'
    decoder.write_text(OWN)
    call(folder, tmp_path / 'a', 'monday', '-d', str(decoder))
    (spec,) = manifest(tmp_path / 'a').streams
    assert (spec.window_ms, spec.filters) == (150.0, FilterSpec((30.0, 0.0), notch=60.0))
    call(folder, tmp_path / 'b', 'monday', '-d', str(decoder), '--notch', '0', '--window-ms', '99')
    (spec,) = manifest(tmp_path / 'b').streams
    assert (spec.window_ms, spec.filters) == (99.0, FilterSpec((30.0, 0.0)))


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['sunday'], "There is no session 'sunday'"),
        (['monday', '-d', 'magic'], "no decoder module 'magic'"),
        (['monday', '-d', 'no_such.py'], "no decoder file 'no_such.py'"),
        (['monday', '-d', 'sklearn.svm:SVX'], "no scikit-learn estimator called 'SVX'"),
        (['monday', '--class', 'wave'], 'No training data for wave'),
        (['monday', '--backend', 'slurm'], "no training backend 'slurm'; expected threading"),
        (['monday', '-d', 'ridge'], 'has no stream except'),
        (['monday', '--stream', 'emg2'], "'emg2'"),
        (['monday', '--bandpass', '400', '20'], 'expected the lower edge below the upper'),
        (['monday', '--bandpass', '20', '600'], 'is not below half the sampling rate, 500 Hz'),
        (['monday', '--reference', 'ear'], "no reference 'ear'; expected none or average"),
    ],
)
def test_invalid_calls_save_nothing(
    folder: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    assert sentence in call(folder, tmp_path, *arguments, code=1)
    assert ModelStore(tmp_path).names() == []


def test_ctrl_c_saves_nothing_and_ends_the_worker(folder: Path, tmp_path: Path) -> None:
    decoder = tmp_path / 'for_ever.py'
    decoder.write_text(FOR_EVER)
    words = ['monday', '-d', str(decoder), '--session-dir', str(folder)]
    with subprocess.Popen(
        [
            sys.executable,
            '-m',
            'myogestic_ros.cli',
            'train',
            *words,
            '--model-dir',
            'models',
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any('begun' in line for line in process.stdout)
        (worker,) = children(process.pid)
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert process.returncode == 130
    assert 'Cancelled; nothing was saved.' in said
    assert 'Traceback' not in said
    assert not list(tmp_path.glob('models/*'))
    end = time.monotonic() + 30.0
    while is_running(worker) and time.monotonic() < end:
        os.sched_yield()
    assert not is_running(worker)


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    found = []
    for task in Path(f'/proc/{pid}/task').iterdir():
        found += [int(word) for word in (task / 'children').read_text().split()]
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False
