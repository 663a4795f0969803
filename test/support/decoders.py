"""Decoders for tests of the pipeline node; what train does is said by a file beside the models."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np

from myogestic_ros import Pipeline, TrainingData, report_progress, save_pickle

pipeline = Pipeline(predict_hz=50.0)
MODE = Path(os.environ.get('TEST_MODE_FILE', '/nonexistent'))


class Mean:
    """A model that predicts from the mean of the window."""

    scores = {'accuracy': 0.5}  # noqa: RUF012

    def __init__(self, n_channels: int) -> None:
        self.n_channels = n_channels
        self.padding = np.zeros(0)


def mode() -> str:
    """Return what is to happen."""
    return MODE.read_text().strip() if MODE.exists() else ''


@pipeline.extract
def extract(windows):
    return windows['emg'].mean(axis=1)


@pipeline.train
def train(data: TrainingData):
    print('training on', len(data.paths), data.class_names)
    report_progress(0.5, 'half')
    what = mode()
    if what == 'raise':
        raise ValueError('no good')
    if what == 'none':
        return None
    if what == 'exit':
        os._exit(7)
    if what == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    if what == 'unpicklable':
        return lambda: None
    if what == 'hang':
        child = subprocess.Popen(['sleep', '1000'])
        print('child', child.pid)
        time.sleep(1000)
    model = Mean(data.streams[0].channels)
    if what == 'big':
        model.padding = np.zeros(500_000)
    return model


def save_model(model, path):
    """Write a model; slowly, if that is to happen."""
    if mode() == 'save slowly':
        time.sleep(1.0)
    return save_pickle(model, path)


pipeline.save_model = save_model


@pipeline.predict
def predict(model, features):
    what = mode()
    if what == 'predict slowly':
        time.sleep(2.0)
    if what == 'predict wrongly':
        raise RuntimeError('cannot')
    if what == 'predict nothing':
        return None
    assert features.shape == (model.n_channels,)
    return {'class': 1, 'mean': features, 'label of mine': 'x', 'number': np.float32(0.5)}
