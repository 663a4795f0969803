"""The Python code in the README and the docs runs and gives the documented results."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from support.bags import protocol, write
from support.graph import PATIENCE_S, graph, set_domain
from support.paths import ROOT
from support.recorded import synthetic_emg, write_signal

from myogestic_ros.core.signals import Label, sample_time_ns
from myogestic_ros.core.training.decoder_file import import_decoder
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.demo.node_client import open_node_client
from myogestic_ros.nodes.common.prediction_conversions import prediction_to_ros
from myogestic_ros.sessions.reading.offline_prediction import predict_session
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.training_data import complete_training_data
from myogestic_ros.sources.base import Source

pytestmark = pytest.mark.processes

PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]


def blocks():
    """Return name → code of each block that is marked as one to be tested."""
    found = {}
    for page in PAGES:
        text = page.read_text()
        pattern = r'<!-- test: (\S+) -->\n```python\n(.*?)```'
        found.update(dict(re.findall(pattern, text, flags=re.DOTALL)))
        assert text.count('```python') == len(re.findall(pattern, text, flags=re.DOTALL)), page
    return found


@pytest.fixture
def session(tmp_path):
    """A session with two classes."""
    cues = [(0, 'rest', 1.0), (1, 'fist', 1.0)] * 2
    return write(tmp_path / 'sessions' / 's1', protocol(cues, channels=4))


def test_every_block_is_tested():
    assert set(blocks()) == {
        'by_hand.py',
        'evaluate.py',
        'filters.py',
        'from_myogestic.py',
        'my_decoder.py',
        'my_source.py',
        'own.launch.py',
        'own_adapt.py',
        'own_decoder.py',
        'post.py',
        'repair.py',
        'repetitions.py',
        'score_offline.py',
        'train_offline.py',
        'windows.py',
    }


def test_decoder_of_the_readme_trains_and_predicts_in_the_node(tmp_path, session):
    file = tmp_path / 'own_decoder.py'
    file.write_text(blocks()['own_decoder.py'])
    with graph(tmp_path, pipeline={'decoder': str(file)}) as g:
        lines: list[str] = []
        g.operator.on_training_log = lines.append
        g.operator.train('s1')
        g.wait(lambda: 'Saved as' in g.operator.pipeline_message, 'the training')
        g.operator.spin(0.2)
        assert any(line.endswith(' windows') for line in lines)
        g.operator.trigger('pipeline/start_predicting')


def test_decoder_run_as_a_script_becomes_the_node(tmp_path):
    set_domain()
    file = tmp_path / 'own_decoder.py'
    file.write_text(blocks()['own_decoder.py'])
    process = subprocess.Popen(
        [sys.executable, str(file), '--ros-args', '-p', 'autostart:=configure'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with open_node_client(lambda: None) as operator:
        operator.wait(lambda: 'is ready' in operator.pipeline_message, 'the node', PATIENCE_S)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_windows_block_counts_classes_and_repetitions(session):
    namespace: dict = {}
    exec(blocks()['windows.py'], namespace)
    classes, repetitions = namespace['count']([session])
    assert set(classes) == {0, 1}
    assert set(repetitions) == {(n, r) for n in ('rest', 'fist') for r in (0, 1)}


def test_evaluate_block_returns_the_accuracy(tmp_path, capsys):
    namespace: dict = {}
    exec(blocks()['evaluate.py'], namespace)
    path = write_signal(tmp_path / 's', *synthetic_emg(repetitions=2), 1000.0)
    figures = namespace['evaluate']([str(path)], 8)
    assert figures['each_repetition']['accuracy'] > 0.9
    assert capsys.readouterr().out == ''


def test_adapt_callback_updates_the_model(tmp_path):
    namespace: dict = {}
    exec(blocks()['own_adapt.py'], namespace)
    pipeline = namespace['pipeline']
    paths = [
        str(write_signal(tmp_path / f's{seed}', *synthetic_emg(repetitions=1, seed=seed), 1000.0))
        for seed in (0, 1)
    ]
    pipeline.training_data = TrainingData(paths=paths[:1])
    pipeline.start_training()
    assert pipeline.wait_for_training(60)
    old = pipeline.model
    pipeline.training_data = TrainingData(paths=paths[1:])
    pipeline.start_adapting()
    assert pipeline.wait_for_training(60)
    assert set(pipeline.model) == {0, 1, 2}
    assert pipeline.model is not old
    assert pipeline.status_message == 'Adapting is done.'


def test_repetitions_block_lists_completed_repetitions(session):
    namespace: dict = {}
    exec(blocks()['repetitions.py'], namespace)
    expected = [('rest', 0), ('fist', 0), ('rest', 1), ('fist', 1)]
    assert namespace['completed'](session) == expected


def test_push_and_step_block_predicts(capsys):
    exec(blocks()['by_hand.py'], {})
    assert capsys.readouterr().out.splitlines()[0] == '399 fist'


def test_repair_block_repairs_a_cut_session(session, monkeypatch, capsys):
    monkeypatch.chdir(session.parent.parent)
    file = next(session.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-1000])
    exec(blocks()['repair.py'], {})
    assert capsys.readouterr().out.startswith(
        "Session 's1' was interrupted; recovered 404 messages"
    )


def test_filter_block_prints_filter_and_settling_time(capsys):
    exec(blocks()['filters.py'], {})
    assert capsys.readouterr().out.splitlines() == [
        'band-pass 20 to 450 Hz of order 4; notch 50 Hz, 3 lines, 3 Hz wide; common average',
        'settled after 978 samples',
    ]


def test_post_processing_block_rejects_and_votes(capsys):
    exec(blocks()['post.py'], {})
    assert capsys.readouterr().out.splitlines() == [
        'rejection, vote: adds 20 ms to decisions',
        *('rest -> rest', 'fist -> rejected', 'fist -> fist', 'fist -> fist'),
    ]


def test_callbacks_from_myogestic_train_and_predict(tmp_path, session):
    file = tmp_path / 'from_myogestic.py'
    file.write_text(blocks()['from_myogestic.py'])
    pipeline = import_decoder(str(file)).pipeline
    pipeline.callbacks.prepare = complete_training_data
    pipeline.training_data = TrainingData([str(session)])
    pipeline.start_training()
    assert pipeline.wait_for_training(120.0)
    assert pipeline.status_message == 'Training is done.'
    assert any(line.endswith('windows of classes [0, 1]') for line in pipeline.train_log)
    found = list(predict_session(pipeline, Session(session)))
    assert len(found) > 100
    message = prediction_to_ros(found[-1])
    assert message.label in ('rest', 'fist')
    assert sum(message.probabilities) == pytest.approx(1.0)
    assert {pair.key for pair in message.extra} == {'class', 'hand'}


def test_tutorial_of_a_decoder_trains_and_scores_without_a_graph(tmp_path, monkeypatch):
    paths = [
        str(write_signal(tmp_path / f's{seed}', *synthetic_emg(repetitions=2, seed=seed), 1000.0))
        for seed in (0, 1)
    ]
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'my_decoder.py').write_text(blocks()['my_decoder.py'])
    pipeline = import_decoder('my_decoder.py').pipeline
    namespace: dict = {}
    exec(blocks()['train_offline.py'], namespace)
    exec(blocks()['score_offline.py'], namespace)
    log = namespace['train_on'](pipeline, paths[:1])
    assert any(line.endswith(' windows') for line in log)
    assert namespace['accuracy'](pipeline, paths[1]) > 0.9


def test_source_of_ones_own_has_the_interface_of_a_source():
    namespace: dict = {}
    exec(blocks()['my_source.py'], namespace)
    factory = namespace['SineSource']
    source = factory({parameter.name: parameter.default for parameter in factory.PARAMETERS})
    assert isinstance(source, Source)
    info = source.open()
    first, second = source.read(1.0), source.read(1.0)
    assert source.read(0.0) is None
    source.set_label(Label(0, 0, 'rest'))
    source.close()
    assert first.data.dtype == np.float32
    assert first.data.shape == (100, info.n_channels)
    assert second.first_sample == first.end_sample == 100
    assert second.stamp_ns == sample_time_ns(0, 100, info.sampling_rate)
