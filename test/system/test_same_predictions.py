"""One recording gives the same predictions, bit for bit: offline, live, and at another speed."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from support.bag_player import BagPlayer
from support.graph import graph, replay

from myogestic_ros.cli.__main__ import main as cli
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.signals import Chunk, Label
from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.streams.training_filters import training_filters
from myogestic_ros.core.streams.window_cutter import WindowCutter
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders import htd_lda
from myogestic_ros.decoding.decoders.linear_decoder import LinearDecoder, make_lda
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.msg import EmgFrame, Prediction
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.nodes.common.conversions import chunk_to_ros, label_to_ros
from myogestic_ros.nodes.common.prediction_conversions import prediction_to_ros
from myogestic_ros.nodes.pipeline.prediction_bag import read_predictions
from myogestic_ros.sessions.reading.library import resolve_sessions
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.training_data import complete_training_data
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic
from myogestic_ros.sources.base import EndOfRecording
from myogestic_ros.sources.replay import Replay
from myogestic_ros.sources.synthetic import Synthetic

pytestmark = pytest.mark.processes

START_NS = 1_700_000_000_000_000_000
CUES = ('rest', 'fist', 'open', 'rest', 'fist', 'open')


def record(path, seed=1):
    """Record six cues of a second; samples are lost in the middle."""
    from rclpy.serialization import serialize_message

    class Hurry:
        """A pacer that never waits."""

        def start(self):
            pass

        def wait_until(self, moment_s, timeout_s):
            return True

    names = ['rest', 'fist', 'open']
    values = {'class_names': names, 'reaction_time': 0.1, 'seed': seed}
    source = Synthetic(values, Hurry())
    source.open()
    topics = [
        Topic(name, message_definition(f'myogestic_ros/msg/{kind}'), qos)
        for name, kind, qos in (('/emg', 'EmgFrame', STREAM), ('/label', 'Label', LATCHED))
    ]
    with SessionWriter(path, SessionInfo(), topics) as writer:
        for second, name in enumerate(CUES):
            stamp_ns = START_NS + second * 10**9
            label = Label(stamp_ns, names.index(name), name)
            source.set_label(label)
            writer.write('/label', bytes(serialize_message(label_to_ros(label))), stamp_ns)
            for count in range(100):
                chunk = source.read(1.0)
                if second == 3 and 20 <= count < 25:
                    continue
                stamped = Chunk(chunk.first_sample, START_NS + chunk.stamp_ns, 2000.0, chunk.data)
                data = bytes(serialize_message(chunk_to_ros(stamped)))
                writer.write('/emg', data, stamped.stamp_ns)
    return path


def essence(message: Prediction):
    """Return what must not differ: all but the moment and how long it took."""
    extra = [(pair.key, pair.value) for pair in message.extra]
    probabilities = list(message.probabilities)
    return message.sample, message.label, list(message.class_names), probabilities, extra


def offline(chunks, model, names, filters=None, post=None, hz=50.0) -> list:
    """Predict by hand, as fast as possible."""
    pipeline = Pipeline(hz)
    pipeline.callbacks.extract, pipeline.callbacks.predict = htd_lda.extract, htd_lda.predict
    pipeline.use_model(model, 'm', names, {'emg': filters})
    pipeline.post = PostProcessingChain(post)
    pipeline.start_predicting()
    found = []
    for chunk in chunks:
        pipeline.push('emg', chunk)
        found += [essence(prediction_to_ros(p)) for p in pipeline.step()]
    return found


def model_of(path, folder, filters=None):
    """Train on a session, and put the model where the pipeline node finds it."""
    streams = [StreamSpec('emg', filters=filters)]
    data = complete_training_data(TrainingData([str(path)], streams=streams))
    with training_filters({'emg': filters}):
        model = htd_lda.train(data)
    manifest = Manifest(
        'myogestic_ros.decoding.decoders.htd_lda', data.streams, 50.0, 50.0, data.class_names
    )
    ModelStore(folder / 'models').save('m', model, manifest)
    return model, data.class_names


def model_of_windows(folder, chunks):
    """Train on made-up classes of windows of a recording: whatever it says, it must say again."""
    cutter = WindowCutter([StreamSpec('emg')], 5.0)
    features = [htd_lda.extract(t.windows) for c in chunks for t in cutter.push('emg', c)]
    classes = np.arange(len(features)) % 2
    steps = make_lda(htd_lda.amplitude_columns({'emg': chunks[0].n_channels}))
    model = LinearDecoder(steps.fit(np.array(features), classes), {0: 'a', 1: 'b'}, {})
    spec = StreamSpec('emg', 200.0, chunks[0].n_channels, chunks[0].sampling_rate)
    manifest = Manifest('myogestic_ros.decoding.decoders.htd_lda', [spec], 50.0, 50.0, ['a', 'b'])
    ModelStore(folder / 'models').save('m', model, manifest)
    return model


RECORDER = {
    'session_name': 'live',
    'other_topics': ['pipeline/predictions:myogestic_ros/msg/Prediction'],
}


def live(folder, driver, count, **parameters):
    """Replay through real nodes, recorded.

    Returns what the pipeline published, and how many ticks it says it has skipped because they
    were late; both together are `count`.
    """
    got: list[Prediction] = []
    pipeline = {'decoder': 'htd_lda', 'model': 'm', **parameters}
    with graph(folder, driver=driver, pipeline=pipeline, recorder=RECORDER) as g:
        subscribe = g.operator._node.create_subscription
        subscribe(Prediction, 'pipeline/predictions', got.append, 5000)
        told = diagnostics(g)
        g.operator.trigger('pipeline/start_predicting')
        g.operator.trigger('recorder/start_recording')
        g.wait(
            lambda: told['driver'].get('subscribers') == '2',
            'the driver and its subscribers to know one another',
        )
        g.operator.transition('driver', 'activate')
        g.wait(
            lambda: 'has ended' in g.operator.node_status['driver'].message,
            'the end of the recording',
        )
        skipped = wait_for_predictions(g, told, got, count)
        g.operator.trigger('recorder/stop_recording')
    return [essence(message) for message in got], skipped


def diagnostics(g) -> dict[str, dict[str, str]]:
    """Return what will be the newest diagnostics of each node."""
    told: dict[str, dict[str, str]] = {'driver': {}, 'pipeline': {}}

    def on_diagnostics(message: DiagnosticArray) -> None:
        for status in message.status:
            told[status.name.strip('/')] = {pair.key: pair.value for pair in status.values}

    g.operator._node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 10)
    return told


def wait_for_predictions(g, told, got, count) -> int:
    """Wait until every tick was predicted or skipped; return how many were skipped."""

    def counted() -> bool:
        values = told['pipeline']
        made, skipped = (int(values.get(key, '0')) for key in ('predictions', 'overruns'))
        return made + skipped >= count and len(got) >= made

    g.wait(counted, f'{count} predictions or skipped ticks')
    g.operator.spin(0.3)  # and none that nobody expects
    return int(told['pipeline']['overruns'])


def assert_same_but_for_skipped(got, expected, skipped) -> None:
    """Assert that nothing differs, and nothing is missing but so many skipped ticks."""
    by_sample = {row[0]: row for row in expected}
    assert got == [by_sample.get(row[0]) for row in got]
    assert len(got) + skipped == len(expected)


def replayed(folder, session, *, like):
    """Run ``myogestic replay`` and return its exit code; like: predictions to compare with."""
    output = folder / 'offline'
    return cli(
        [
            *('replay', str(session), '--model-dir', str(folder / 'models')),
            *('--output', str(output), '--compare', str(like)),
        ]
    )


def test_a_session_at_true_speed(tmp_path):
    path = record(tmp_path / 'sessions' / 's')
    model, names = model_of(path, tmp_path)
    expected = offline(Session(path).chunks('emg'), model, names)
    got, skipped = live(tmp_path, replay(path, rate=1.0), len(expected))
    assert_same_but_for_skipped(got, expected, skipped)


def test_a_session_as_fast_as_possible(tmp_path, capsys):
    """No tick is skipped, however busy the machine is: the replay is flow-controlled."""
    path = record(tmp_path / 'sessions' / 's')
    model, names = model_of(path, tmp_path)
    expected = offline(Session(path).chunks('emg'), model, names)
    assert 250 < len(expected) < 300
    assert len({row[1] for row in expected}) == 3
    assert live(tmp_path, replay(path, rate=0.0), len(expected)) == (expected, 0)
    recorded = tmp_path / 'sessions' / 'live'
    assert replayed(tmp_path, recorded, like=recorded) == 0, capsys.readouterr().out
    assert f'All {len(expected)} predictions equal those in' in ' '.join(
        capsys.readouterr().out.split()
    )
    # The session that was played says the same, whoever made the bag.
    offline_bag = read_predictions(tmp_path / 'offline')
    assert [essence(message) for message in offline_bag] == expected


POST = {
    'post.reject_below': 0.6,
    'post.majority_vote': 5,
    'post.change_after': 2,
    'post.velocity_ramp': 0.3,
}


def test_filtered_and_with_all_that_comes_after_the_decoder(tmp_path):
    """The model brings its filters; both begin anew where samples were lost."""
    filters = FilterSpec((20.0, 450.0), notch=50.0, common_average=True)
    path = record(tmp_path / 'sessions' / 's')
    model, names = model_of(path, tmp_path, filters)
    chunks = list(Session(path).chunks('emg'))
    # Votes remember which ticks there were, so none may be skipped.
    expected = offline(chunks, model, names, filters, POST)
    assert 200 < len(expected) < 250  # half a second to settle, twice
    assert expected != offline(chunks, model, names, filters)
    assert {key for row in expected for key, _ in row[4]} == {
        *('class', 'raw_label', 'rejected', 'velocity')
    }
    driver = replay(path, rate=2.0, flow_control=True)
    assert live(tmp_path, driver, len(expected), **POST) == (expected, 0)


@pytest.mark.parametrize('rate', [1.0, 8.0])
def test_a_bag_played_with_its_clock(tmp_path, rate):
    """As ``ros2 bag play --clock`` does it, the pipeline with ``use_sim_time``."""
    path = record(tmp_path / 'sessions' / 's')
    model, names = model_of(path, tmp_path)
    expected = offline(Session(path).chunks('emg'), model, names)
    got: list[Prediction] = []
    with graph(tmp_path, pipeline={'decoder': 'htd_lda', 'model': 'm', 'use_sim_time': True}) as g:
        node = g.operator._node
        node.create_subscription(Prediction, 'pipeline/predictions', got.append, 500)
        player = BagPlayer(node.context, path, {'/emg': EmgFrame, '/label': LabelMessage})
        told = diagnostics(g)
        try:
            g.operator.trigger('pipeline/start_predicting')
            g.wait(lambda: player.listeners('/emg'), 'the pipeline as listener of the bag')
            player.play(rate)
            skipped = wait_for_predictions(g, told, got, len(expected))
        finally:
            player.node.destroy_node()
    assert_same_but_for_skipped([essence(message) for message in got], expected, skipped)


def test_predictions_that_differ_are_found(tmp_path, capsys):
    path = record(tmp_path / 'sessions' / 's')
    model_of(path, tmp_path)
    assert replayed(tmp_path, path, like=path) == 1
    assert 'contains no predictions' in capsys.readouterr().err
    assert not (tmp_path / 'offline').exists()
    models = ['--model-dir', str(tmp_path / 'models')]
    assert cli(['replay', str(path), *models, '--output', str(tmp_path / 'one')]) == 0
    beside = ['--session-dir', str(tmp_path / 'sessions')]
    assert cli(['replay', 's', *models, *beside]) == 0  # by its name, the bag beside it
    assert (tmp_path / 'sessions' / 's_predictions').is_dir()
    assert resolve_sessions([], tmp_path / 'sessions') == [path]  # nobody trains on predictions
    other = record(tmp_path / 'sessions' / 'other', seed=5)
    assert replayed(tmp_path, other, like=tmp_path / 'one') == 1
    told = ' '.join(capsys.readouterr().out.split())
    assert re.search(r'\d+ of \d+ are different, the first at sample \d+', told), told


def played(source):
    """Yield what a source plays, to its end."""
    with contextlib.suppress(EndOfRecording):
        while True:
            yield source.read(0.0)


def test_a_recording_in_csv(tmp_path, recordings):
    files = recordings / 'myo-readings' / '12345-1'
    values = {'path': str(files), 'repetitions': '0-0'}
    source = Replay({**values, 'rate': 0.0})
    source.open()
    chunks = [item for item in played(source) if isinstance(item, Chunk)]
    model = model_of_windows(tmp_path, chunks)
    names = ['a', 'b']
    expected = offline(chunks, model, names)
    assert len(expected) > 1000
    driver = replay(files, repetitions='0-0', rate=0.0)
    assert live(tmp_path, driver, len(expected)) == (expected, 0)
