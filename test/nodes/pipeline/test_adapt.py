"""The service ``~/adapt``: recalibration of the model in use with new sessions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.graph import graph
from support.paths import SUPPORT
from support.recorded import synthetic_emg, write_signal

from myogestic_ros.demo.node_client import DemoError
from myogestic_ros.srv import Adapt

pytestmark = pytest.mark.processes

RATE = 1000.0
GAINS = np.array([0.1, 4.0, 0.2, 1.0, 5.0, 0.15, 3.0, 0.3], np.float32)


@pytest.fixture
def running(tmp_path):
    """Run a pipeline node with a built-in decoder, and sessions of two days."""
    write_signal(tmp_path / 'sessions' / 'monday', *synthetic_emg(), RATE)
    data, labels = synthetic_emg(repetitions=2, seed=5)
    write_signal(tmp_path / 'sessions' / 'tuesday', data * GAINS, labels, RATE)
    with graph(tmp_path, pipeline={}) as g:
        g.lines = []
        g.operator.on_training_log = g.lines.append
        yield g


def adapt(g, *sessions: str):
    return g.operator.call(Adapt, 'pipeline/adapt', Adapt.Request(sessions=list(sessions)))


def train(g) -> str:
    g.operator.train('monday')
    g.wait(lambda: 'Saved as' in g.operator.pipeline_message, 'the training')
    return g.operator.model_id


def manifest(folder: Path, name: str) -> dict:
    return json.loads((folder / 'models' / f'{name}.json').read_text())


def test_adapt_makes_a_new_model_from_the_one_in_use(tmp_path, running) -> None:
    g = running
    refused = adapt(g, 'tuesday')
    assert not refused.success
    assert refused.message == 'No model loaded — train one first or load from disk.'
    old = train(g)

    answer = adapt(g)  # the newest session
    assert answer.success, answer.message
    assert answer.message == 'Adapting to tuesday.'
    g.wait(
        lambda: g.operator.pipeline_message.startswith('Adapting is done'),
        'the end of the adaptation',
    )
    new = g.operator.model_id
    assert new != old
    written = manifest(tmp_path, new)
    assert written['parameters']['adapted_from'] == old
    assert written['parameters']['adapted'] in ('new', 'blend')
    assert written['sessions'] == ['monday', 'tuesday']
    assert written['class_names'] == ['rest', 'fist', 'pinch']
    assert written['scores']['accuracy'] > 0.9
    g.wait(lambda: any(line.startswith('Selected: ') for line in g.lines), 'the log')
    g.operator.trigger('pipeline/start_predicting')
    busy = adapt(g, 'tuesday')
    assert not busy.success
    assert "state is 'predicting', expected 'idle'" in busy.message


def test_failed_adaptation_keeps_the_old_model(running) -> None:
    g = running
    old = train(g)
    missing = adapt(g, 'sunday')
    assert not missing.success
    assert "There is no session 'sunday'" in missing.message
    data, labels = synthetic_emg(repetitions=1)
    write_signal(g.folder / 'sessions' / 'narrow', data[:, :4], labels, RATE)
    assert adapt(g, 'narrow').success
    g.wait(lambda: g.operator.pipeline_message.startswith('Adapting failed'), 'the failure')
    assert 'other channels or other features' in g.operator.pipeline_message
    assert g.operator.model_id == old


def test_training_is_refused_with_a_rotation(running) -> None:
    g = running
    g.operator.set_parameter('pipeline', 'stream.emg.rotation', 2)
    with pytest.raises(DemoError, match=r'stream\.emg\.rotation is 2, expected 0\.'):
        g.operator.train('monday')
    g.operator.set_parameter('pipeline', 'stream.emg.rotation', 0)
    train(g)
    data, labels = synthetic_emg(repetitions=2, seed=5)
    write_signal(g.folder / 'sessions' / 'turned', np.roll(data, 2, axis=1), labels, RATE)
    assert adapt(g, 'turned').success
    g.wait(lambda: any('rotation to -2.' in line for line in g.lines), 'the proposal')


def test_adapt_is_refused_without_an_adapt_callback(tmp_path) -> None:
    write_signal(
        tmp_path / 'sessions' / 'monday', *synthetic_emg(repetitions=2, seconds=1.0), RATE
    )
    decoder = SUPPORT / 'decoders.py'
    with graph(tmp_path, pipeline={'decoder': str(decoder)}) as g:
        answer = adapt(g, 'monday')
    assert not answer.success
    assert answer.message.startswith('No adapt callback set (use @pipeline.adapt)')
