"""The examples train, save, load and predict on a recorded session."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from support.arm_session import write_arm
from support.graph import graph
from support.paths import ROOT

from myogestic_ros.core.models.model_store import ModelStore
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.decoder_file import import_decoder
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_to_ros
from myogestic_ros.nodes.pipeline.model_manager import ModelManager
from myogestic_ros.sessions.reading.offline_prediction import predict_session
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.timeline import Timeline
from myogestic_ros.sessions.reading.training_data import complete_training_data

pytestmark = pytest.mark.processes

EXAMPLES = ROOT / 'examples'


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    return write_arm(tmp_path_factory.mktemp('sessions') / 'arm')


def manager_of(name, folder):
    """Return a model manager with the pipeline of an example, as the node makes them."""
    decoder = import_decoder(str(EXAMPLES / name)).pipeline
    callbacks = replace(decoder.callbacks, prepare=complete_training_data)
    pipeline = Pipeline(decoder.predict_hz, streams=decoder.streams, callbacks=callbacks)
    manager = ModelManager(pipeline, ModelStore(folder), str(EXAMPLES / name))

    class SavingObserver(Observer):
        def trained(self, model, data):
            return manager.save_trained(model, data)

    pipeline.observer = SavingObserver()
    return manager


def trained(name, folder, session):
    """Train an example in a process of its own; return its log."""
    manager = manager_of(name, folder)
    pipeline = manager.pipeline
    pipeline.training_data = TrainingData([str(session)], streams=pipeline.streams)
    pipeline.start_training()
    assert pipeline.wait_for_training(120.0)
    assert 'Saved as' in pipeline.status_message, (pipeline.status_message, pipeline.train_log)
    return list(pipeline.train_log)


def predicted(name, folder, session):
    """Load the model that was saved, as another run of the node would, and predict the session."""
    manager = manager_of(name, folder)
    manager.load('')
    found = list(predict_session(manager.pipeline, Session(session)))
    assert manager.pipeline.counters.errors == 0
    return found


def accuracy(predictions, session):
    """Return the share of right predictions, leaving out half a second after each cue."""
    timeline = Timeline(Session(session).labels())
    pairs = [
        (timeline.label_during(p.stamp_ns, p.stamp_ns, 500_000_000), p.values['label'])
        for p in predictions
    ]
    return np.mean([label.name == found for label, found in pairs if label is not None])


@pytest.mark.parametrize('name', ['classifier.py', 'two_streams.py', 'torch_cnn.py'])
def test_classifier_examples_predict_the_labels(name, tmp_path, session):
    if name == 'torch_cnn.py':
        pytest.importorskip('torch')
    log = trained(name, tmp_path, session)
    assert any('windows of' in line or 'epoch' in line for line in log)
    predictions = predicted(name, tmp_path, session)
    assert len(predictions) > 100
    assert accuracy(predictions, session) > 0.9
    for prediction in predictions:
        assert sum(prediction.values['probabilities'].values()) == pytest.approx(1.0)


@pytest.mark.parametrize('labels', [True, False])
def test_proportional_example_predicts_degrees_of_freedom(tmp_path, session, labels):
    path = session if labels else write_arm(tmp_path / 'unlabelled', rounds=2, labels=False)
    log = trained('proportional.py', tmp_path / 'models', path)
    assert any(line.endswith('joints: fingers, wrist') for line in log)
    dofs = [p.values['dofs'] for p in predicted('proportional.py', tmp_path / 'models', session)]
    assert len(dofs) > 100
    fingers = np.array([values['fingers'] for values in dofs])
    assert fingers.max() > 0.6
    assert fingers.min() < 0.2
    assert np.abs(np.diff(fingers)).max() < 0.5


@pytest.mark.parametrize('decoder', ['classifier.py', 'riemann', 'svm'])
def test_decoder_predicts_in_the_pipeline_node(tmp_path, session, decoder):
    path = str(EXAMPLES / decoder) if decoder.endswith('.py') else decoder
    parameters = {'decoder': path, 'session_dir': str(session.parent)}
    with graph(tmp_path, pipeline=parameters) as g:
        g.operator.train('arm')
        g.wait(lambda: 'Saved as' in g.operator.pipeline_message, 'the training')
        frames = g.operator._node.create_publisher(EmgFrame, 'emg', qos.EMG)
        g.wait(frames.get_subscription_count, 'the subscription')
        g.operator.trigger('pipeline/start_predicting')
        chunks = [chunk for chunk in Session(session).chunks('emg') if chunk.first_sample < 4800]
        for chunk in chunks:
            frames.publish(chunk_to_ros(chunk))
            g.operator.spin(0.005)
        last_s = chunks[-1].stamp_ns * 1e-9
        answers = g.operator.predictions
        g.wait(lambda: answers and answers[-1].stamp_s > last_s - 0.1, 'predictions')
    fist = [answer.label for answer in answers if answer.stamp_s > last_s - 0.6]
    assert fist.count('fist') > 0.8 * len(fist)
    if decoder == 'classifier.py':
        assert len(predicted(decoder, tmp_path / 'models', session)) > 100


def test_offline_example_trains_predicts_and_scores(session):
    for arguments, classes in (([], 3), ([str(session), str(session)], 3)):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / 'offline.py'), *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        shares = [float(x) for x in re.findall(r'^\w+: ([\d.]+)%', done.stdout, re.MULTILINE)]
        assert len(shares) == classes, done.stdout
        assert min(shares) > 80.0
