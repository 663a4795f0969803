"""Services of the pipeline node, with a stand-in for the node: failures and late results."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace

import pytest

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.nodes.pipeline import services
from myogestic_ros.nodes.pipeline.channel_rotation import ChannelRotation
from myogestic_ros.nodes.pipeline.services import PipelineServices

TIMEOUT_S = 20.0


class Node:
    """The members of a node that `PipelineServices` uses."""

    def __init__(self):
        self.pipeline = Pipeline()
        self.models = SimpleNamespace()
        self.rotation = ChannelRotation()
        self.callbacks = {}

    def create_service(self, kind, name, callback):
        self.callbacks[name.removeprefix('~/')] = kind, callback

    def get_logger(self):
        return logging.getLogger('pipeline')

    def get_parameter(self, name):
        return SimpleNamespace(value='/nowhere')

    def report_model_error(self, message):
        self.model_error = message

    def request_transition(self, transition, action=''):
        return False, f'Cannot {action}: refused by the test.'

    def call(self, service, **fields):
        kind, callback = self.callbacks[service]
        return callback(kind.Request(**fields), kind.Response())


@pytest.fixture
def node():
    node = Node()
    node.services = PipelineServices(node)
    return node


@pytest.fixture
def blocked(monkeypatch):
    """Keep work in the background from ending in time; return the event that lets it go on."""
    monkeypatch.setattr(services, 'ANSWER_TIMEOUT_S', 0.01)
    release = threading.Event()
    yield release
    release.set()


def until_status(node, release):
    """Let work in the background go on; return the status message that it sets."""
    changed = threading.Event()
    node.pipeline.observer = Observer()
    node.pipeline.observer.status_changed = changed.set
    release.set()
    assert changed.wait(TIMEOUT_S)
    return node.pipeline.status_message


@pytest.mark.parametrize(
    ('name', 'action'),
    [
        ('train', 'train'),
        ('adapt', 'adapt'),
        ('save_model', 'save the model'),
        ('load_model', 'load a model'),
        ('list_models', 'list models'),
    ],
)
def test_unconfigured_node_refuses_with_the_action(node, name, action):
    node.models = None
    answer = node.call(name)
    assert not answer.success
    assert answer.message == (f"Cannot {action}: the node is 'unconfigured'; configure it first.")


def test_unexpected_exception_becomes_an_answer(node, caplog):
    def load(name):
        raise ZeroDivisionError('x')

    node.models.load = load
    answer = node.call('load_model', name='m')
    assert not answer.success
    assert answer.message == "Service load_model failed: ZeroDivisionError('x')"
    assert 'Traceback' in caplog.text


def test_refused_transition_becomes_the_answer(node):
    answer = node.call('start_predicting')
    assert (answer.success, answer.message) == (
        False,
        'Cannot start predicting: refused by the test.',
    )


def test_rotation_is_named_in_the_refusal_to_train(node):
    node.rotation.set({'emg': 2, 'glove': 0})
    answer = node.call('train')
    assert not answer.success
    assert answer.message.startswith('Cannot train: stream.emg.rotation is 2, expected 0.')


def test_saving_that_takes_long_reports_its_end_on_status(node, blocked):
    def save_as(name):
        blocked.wait(TIMEOUT_S)
        return name

    node.models.save_as = save_as
    answer = node.call('save_model', name='m')
    assert (answer.success, answer.message, answer.name) == (True, services.SAVING, 'm')
    assert until_status(node, blocked) == "Saved as 'm'."
    assert node.model_error == ''


@pytest.mark.parametrize(('name', 'method'), [('save_model', 'save_as'), ('load_model', 'load')])
def test_failure_after_the_answer_is_reported_on_status(node, blocked, name, method):
    def fail(_):
        blocked.wait(TIMEOUT_S)
        raise ModelError('The disk is full.')

    setattr(node.models, method, fail)
    assert node.call(name, name='m').success
    assert until_status(node, blocked) == 'The disk is full.'
    assert node.model_error == 'The disk is full.'
