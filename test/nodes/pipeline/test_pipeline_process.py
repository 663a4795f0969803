"""Pipeline node in a process of its own: training, failures, refusals, models."""

from __future__ import annotations

import json
import math
import resource
import time
from contextlib import contextmanager

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_srvs.srv import Trigger
from support.bags import START_NS
from support.decoder_node import hanging_child, node_with_a_session
from support.graph import renewed
from support.processes import alive

from myogestic_ros.core.models.model_store import FORMAT
from myogestic_ros.core.signals import Chunk
from myogestic_ros.demo.node_client import DemoError
from myogestic_ros.msg import EmgFrame
from myogestic_ros.nodes.common.conversions import chunk_to_ros
from myogestic_ros.srv import ListModels, LoadModel, SaveModel, Train

pytestmark = pytest.mark.processes


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    with node_with_a_session(tmp_path_factory.mktemp('node')) as g:
        yield g


@pytest.fixture
def running(node):
    """Return the node, configured anew, without a model."""
    (node.folder / 'mode').unlink(missing_ok=True)
    node.operator.set_parameter('pipeline', 'predict_hz', -1.0)
    renewed(node)
    return node


@pytest.fixture
def mode(running):
    """Return a function that sets the behaviour of the decoder."""
    return (running.folder / 'mode').write_text


def train(g):
    """Train; return the last status message and the printed lines."""
    lines: list[str] = []
    g.operator.on_training_log = lines.append
    g.operator.train('s1')
    g.wait(lambda: g.operator.pipeline_state == 'training', 'training')
    g.wait(lambda: g.operator.pipeline_state == 'idle', 'the end of the training')
    g.operator.spin(0.2)
    return g.operator.pipeline_message, lines


def call(g, service, kind=Trigger, **fields):
    """Call a service of the pipeline and check that it answers in time."""
    began = time.monotonic()
    response = g.operator.call(kind, f'pipeline/{service}', kind.Request(**fields))
    assert time.monotonic() - began < 1.0  # documented: 0.1 s
    return response


def send(g, first, data, **changes):
    """Publish a frame."""
    if not hasattr(g, 'frames'):
        g.frames = g.operator._node.create_publisher(EmgFrame, 'emg', 10)
        g.wait(lambda: g.frames.get_subscription_count() == 1, 'the subscription')
    message = chunk_to_ros(Chunk(first, START_NS + first * 500_000, 2000.0, data))
    for name, value in changes.items():
        setattr(message, name, value)
    g.frames.publish(message)


def feed(g, seconds=0.5, first=0, channels=2):
    """Publish frames for a while; return the next sample index."""
    import numpy as np

    for _ in range(round(seconds / 0.01)):
        send(g, first, np.ones((20, channels), np.float32))
        first += 20
        g.operator.spin(0.01)
    return first


def test_predictions_come_between_start_and_stop(running):
    message, lines = train(running)
    assert "Saved as 'decoders_" in message
    assert "training on 1 ['rest', 'fist']" in lines
    assert 'half' in lines
    assert call(running, 'start_predicting').success
    first = feed(running)
    assert call(running, 'stop_predicting').success
    arrived = len(running.operator.predictions)
    feed(running, 0.3, first)
    assert arrived == len(running.operator.predictions) > 10
    assert running.operator.predictions[0].label == 'fist'


def test_prediction_message_contains_everything_predict_returned(running):
    train(running)
    got = []
    from myogestic_ros.msg import Prediction

    running.operator._node.create_subscription(Prediction, 'pipeline/predictions', got.append, 50)
    call(running, 'start_predicting')
    feed(running)
    extra = {pair.key: pair.value for pair in got[0].extra}
    assert extra == {'class': '1', 'mean': '[1.0, 1.0]', 'label of mine': '"x"', 'number': '0.5'}
    assert got[0].label == 'fist'
    assert got[0].model_id.startswith('decoders_')
    assert got[0].compute_time > 0
    samples = [message.sample for message in got]
    assert samples == list(range(samples[0], samples[0] + 40 * len(samples), 40))


@pytest.mark.parametrize(
    ('what', 'reason'),
    [
        ('raise', 'Training failed: ValueError: no good'),
        ('none', 'Training failed: train returned None'),
        ('exit', 'Training failed: the training process exited with code 7'),
        ('kill', 'Training failed: the training process was killed by SIGKILL'),
        ('unpicklable', 'Training failed: the model, a function, cannot be saved'),
    ],
)
def test_failed_training_keeps_the_old_model(running, mode, what, reason):
    train(running)
    model = running.operator.model_id
    mode(what)
    message, lines = train(running)
    assert message.startswith(reason)
    assert any(reason in line for line in lines)
    assert running.operator.model_id == model
    mode('')
    assert call(running, 'start_predicting').success


def test_cancel_training_ends_its_child_processes(running, mode):
    mode('hang')
    child = hanging_child(running)
    assert call(running, 'cancel_training').success
    running.wait(lambda: running.operator.pipeline_state == 'idle', 'the end')
    running.wait(lambda: not alive(child), 'the end of the child')
    assert 'cancelled' in running.operator.pipeline_message
    refused = call(running, 'cancel_training')
    assert refused.message == "Cannot cancel training: state is 'idle', expected 'training'."


def test_refusals_name_the_action_and_the_state(running, mode):
    for name, message in (
        ('start_predicting', 'No model loaded — train one first or load from disk.'),
        ('stop_predicting', "Cannot stop predicting: state is 'idle', expected 'predicting'."),
        ('cancel_training', "Cannot cancel training: state is 'idle', expected 'training'."),
    ):
        response = call(running, name)
        assert not response.success
        assert response.message == message
    with pytest.raises(DemoError, match='No model loaded'):
        running.operator.transition('pipeline', 'activate')  # refused with the same reason
    assert not running.operator.is_active('pipeline')
    refused = call(running, 'train', Train, sessions=['nowhere'])
    assert "There is no session 'nowhere'" in refused.message
    train(running)
    assert call(running, 'start_predicting').success
    for name, kind, message in (
        ('start_predicting', Trigger, 'Cannot start predicting: '),
        ('train', Train, 'Cannot start training: '),
        ('load_model', LoadModel, 'Cannot load a model: '),
    ):
        response = call(running, name, kind)
        assert not response.success
        assert response.message == f"{message}state is 'predicting', expected 'idle'."


def test_services_answer_and_stop_holds_during_a_slow_predict(running, mode):
    train(running)
    mode('predict slowly')
    call(running, 'start_predicting')
    first = feed(running, 0.4)
    assert call(running, 'stop_predicting').success
    assert call(running, 'list_models', ListModels).success
    running.operator.predictions.clear()
    feed(running, 2.5, first)
    assert running.operator.predictions == []


def test_errors_in_a_row_stop_predicting(running, mode):
    train(running)
    mode('predict wrongly')
    call(running, 'start_predicting')
    feed(running, 1.0)
    running.wait(lambda: running.operator.pipeline_state == 'idle', 'the end of predicting')
    assert '10 errors in a row, last: RuntimeError: cannot' in running.operator.pipeline_message
    running.wait(lambda: not running.operator.is_active('pipeline'), 'deactivation')
    assert running.news('pipeline').count('Traceback') < 5  # throttled


def test_result_that_is_not_a_dict_is_dropped(running, mode):
    train(running)
    mode('predict nothing')
    call(running, 'start_predicting')
    first = feed(running, 0.5)
    assert running.operator.predictions == []
    words = 'predict returned NoneType, expected a dict'
    running.wait(lambda: words in running.news('pipeline'), 'a warning')
    mode('')
    feed(running, 0.3, first)
    assert running.operator.predictions


def test_predict_hz_may_change_while_predicting(running):
    train(running)
    call(running, 'start_predicting')
    first = feed(running, 0.5)
    running.operator.set_parameter('pipeline', 'predict_hz', 20.0)
    running.operator.predictions.clear()
    feed(running, 1.0, first)
    running.wait(lambda: len(running.operator.predictions) >= 15, 'predictions')
    gaps = {round((b.stamp_s - a.stamp_s) * 1e3) for a, b in pairs(running.operator.predictions)}
    assert gaps == {50}
    with pytest.raises(DemoError, match='predict_hz'):
        running.operator.set_parameter('pipeline', 'predict_hz', 1e9)


def pairs(items):
    """Return pairs of neighbours."""
    return list(zip(items, items[1:], strict=False))


def test_silent_stream_is_reported_until_samples_return(running):
    train(running)
    call(running, 'start_predicting')
    first = feed(running, 0.4)
    running.wait(lambda: list(running.operator.status.stale_streams) == ['emg'], 'staleness')
    assert "No sample of 'emg' for 0.2 s" in running.operator.pipeline_message
    running.operator.predictions.clear()
    feed(running, 0.4, first)
    running.wait(lambda: not running.operator.status.stale_streams, 'recovery')
    assert running.operator.predictions


def test_models_can_be_listed_saved_and_loaded(running):
    train(running)
    name = running.operator.model_id
    assert call(running, 'save_model', SaveModel, name='mine').name == 'mine'
    refused = call(running, 'save_model', SaveModel, name='mine')
    assert refused.message == "There is a model 'mine' already; choose another name."
    listed = call(running, 'list_models', ListModels)
    assert {model.name for model in listed.models} == {name, 'mine'}
    assert listed.current == 'mine'
    assert listed.models[0].accuracy == 0.5
    assert list(listed.models[0].class_names) == ['rest', 'fist']
    assert call(running, 'load_model', LoadModel, name=name).success
    assert call(running, 'list_models', ListModels).current == name
    for bad in ('../mine', 'a/b', '.mine', 'nothing'):
        assert not call(running, 'load_model', LoadModel, name=bad).success
    file = running.folder / 'models' / 'mine.joblib'
    file.write_bytes(file.read_bytes()[:-1] + b'x')
    refused = call(running, 'load_model', LoadModel, name='mine')
    assert "The file of model 'mine' was changed after it was saved" in refused.message
    assert call(running, 'start_predicting').success


@contextmanager
def full_disk(g):
    """Let the node write no file of more than 2 MB, as on a full disk."""
    pid = g.nodes.pid('pipeline')
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def diagnoses(running):
    """Return a list that fills with (level, message) from the diagnostics of the node."""
    found = []

    def collect(message):
        found.extend((s.level, s.message) for s in message.status if 'pipeline' in s.name)

    node = running.operator._node
    subscription = node.create_subscription(DiagnosticArray, '/diagnostics', collect, 10)
    yield found
    node.destroy_subscription(subscription)


@pytest.mark.parametrize('speed', ['', 'save slowly'])
def test_full_disk_is_reported_in_the_answer_or_on_status(running, mode, diagnoses, speed):
    mode('big')
    train(running)
    mode(speed)
    with full_disk(running):
        answer = call(running, 'save_model', SaveModel, name='mine')
        assert 'Saved' not in answer.message
        if answer.success:
            assert answer.message == 'Saving; ~/status reports the end.'
        else:
            assert "Model 'mine' cannot be saved" in answer.message
        assert answer.success or not speed
        running.wait(
            lambda: "Model 'mine' cannot be saved" in running.operator.pipeline_message, 'failure'
        )
        error = DiagnosticStatus.ERROR
        running.wait(
            lambda: any(lv == error and "'mine' cannot be saved" in m for lv, m in diagnoses),
            'error in the diagnostics',
        )
    assert not list((running.folder / 'models').glob('mine*'))
    assert call(running, 'save_model', SaveModel, name='mine').success
    running.wait(lambda: running.operator.pipeline_message == "Saved as 'mine'.", 'the end')
    diagnoses.clear()
    running.wait(lambda: diagnoses, 'diagnostics')
    assert diagnoses[-1][0] != error


def test_one_bad_manifest_spoils_no_list(running):
    train(running)
    name = running.operator.model_id
    folder = running.folder / 'models'
    manifest = json.loads((folder / f'{name}.json').read_text())
    variants = {
        'odd-number': {'created': 5},
        'odd-time': {'created': 'yesterday'},
        'odd-huge': {'scores': {'accuracy': 10**400}},
        'odd-null': {'scores': {'accuracy': None}},
        'odd-surrogate': {'decoder': 'a\ud800', 'class_names': ['b\udfff']},
    }
    files = []
    for odd, values in variants.items():
        files += [folder / f'{odd}.joblib', folder / f'{odd}.json']
        files[-2].write_bytes(b'')
        files[-1].write_text(json.dumps({**manifest, **values}))
    files += [folder / 'odd-deep.joblib', folder / 'odd-deep.json']
    files[-2].write_bytes(b'')
    files[-1].write_text('[' * 100_000)
    try:
        listed = call(running, 'list_models', ListModels)
    finally:
        for file in files:
            file.unlink()
    assert listed.success
    assert listed.message.count('odd-') == 2
    assert '2 cannot be read' in listed.message
    odd = {model.name: model for model in listed.models if model.name.startswith('odd')}
    assert odd.keys() == {'odd-time', 'odd-huge', 'odd-null', 'odd-surrogate'}
    assert math.isnan(odd['odd-huge'].accuracy)
    assert math.isnan(odd['odd-null'].accuracy)
    assert list(odd['odd-surrogate'].class_names) == ['b\\udfff']
    assert name in {model.name for model in listed.models}


def test_model_for_other_channels_is_refused(running):
    train(running)
    name = running.operator.model_id
    feed(running, 0.3, channels=3)
    refused = call(running, 'load_model', LoadModel, name=name)
    assert "stream 'emg' has 3 channels, the model was trained with 2 channels" in refused.message
    refused = call(running, 'start_predicting')
    assert 'does not match the streams' in refused.message


def test_model_of_another_version_is_refused(running):
    train(running)
    file = running.folder / 'models' / f'{running.operator.model_id}.json'
    text = file.read_text()
    try:
        file.write_text(text.replace(FORMAT, 'myogestic_ros/model/1'))
        refused = call(running, 'load_model', LoadModel, name=file.stem)
    finally:
        file.write_text(text)
    assert refused.message == (
        f"Model '{file.stem}' was saved by another version of myogestic_ros (format "
        f"'myogestic_ros/model/1', expected '{FORMAT}'); train it again."
    )


def test_node_deactivates_when_the_stream_no_longer_fits_the_model(running):
    train(running)
    call(running, 'start_predicting')
    first = feed(running, 0.4)
    feed(running, 0.5, first, channels=5)
    running.wait(lambda: running.operator.pipeline_state == 'idle', 'the end of predicting')
    assert 'does not match the streams' in running.operator.pipeline_message


def test_invalid_parameter_is_refused_by_name(running):
    with pytest.raises(DemoError, match='stale_after'):
        running.operator.set_parameter('pipeline', 'stale_after', 1000.0)
