"""Every request of a service is answered, whatever the callback does: a real node process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger
from support.graph import set_domain

from myogestic_ros.srv import ListModels

ODD_NODE = r'''
import sys
from std_srvs.srv import Trigger
from myogestic_ros.core.errors import StateError
from myogestic_ros.msg import ModelInfo
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.srv import ListModels

class Odd(ManagedNode):
    """A node whose services fail in several ways."""
    def __init__(self, **kwargs):
        super().__init__('odd', **kwargs)
        self.create_service(Trigger, '~/raises', self.raises)
        self.create_service(Trigger, '~/refuses', self.refuses)
        self.create_service(Trigger, '~/surrogate', self.surrogate)
        self.create_service(Trigger, '~/nothing', lambda request, response: None)
        self.create_service(ListModels, '~/nested', self.nested)
        self.create_service(ListModels, '~/number', self.number)
    def raises(self, request, response):
        raise RuntimeError('failed on purpose \ud800')
    def refuses(self, request, response):
        raise StateError('Not now.')
    def surrogate(self, request, response):
        response.success, response.message = True, 'a\ud800b'
        self.set_status('a\ud800b')
        return response
    def nested(self, request, response):
        response.success = True
        response.models = [ModelInfo(name='a\ud800b', class_names=['c\udfff'])]
        return response
    def number(self, request, response):
        response.success = True
        response.models = [ModelInfo()]
        response.models[0].created._sec = 10**400
        return response

sys.exit(run(Odd))
'''

TIMEOUT_S = 60.0


@pytest.fixture
def call(tmp_path):
    """Return a function that calls a service of the odd node."""
    set_domain()
    file = tmp_path / 'odd_node.py'
    file.write_text(ODD_NODE)
    log = tmp_path / 'log'
    with log.open('w') as output:
        process = subprocess.Popen(
            [sys.executable, str(file)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, PYTHONUNBUFFERED='1'),
        )
    context = rclpy.Context()
    rclpy.init(context=context)
    client_node = rclpy.create_node('caller', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(client_node)

    def call(name, kind):
        client = client_node.create_client(kind, f'/odd/{name}')
        assert client.wait_for_service(TIMEOUT_S)
        future = client.call_async(kind.Request())
        executor.spin_until_future_complete(future, timeout_sec=TIMEOUT_S)
        assert future.done(), log.read_text()
        return future.result()

    call.log = log.read_text
    yield call
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    executor.shutdown()
    client_node.destroy_node()
    rclpy.shutdown(context=context)


def test_every_request_is_answered(call):
    answer = call('raises', Trigger)
    assert not answer.success
    assert 'Service raises failed: RuntimeError(' in answer.message
    assert 'Traceback' in call.log()

    assert call('refuses', Trigger).message == 'Not now.'

    answer = call('surrogate', Trigger)
    assert (answer.success, answer.message) == (True, 'a\\ud800b')

    assert not call('nothing', Trigger).success

    models = call('nested', ListModels).models
    assert [(m.name, list(m.class_names)) for m in models] == [('a\\ud800b', ['c\\udfff'])]

    answer = call('number', ListModels)
    assert not answer.success
    assert answer.message.startswith('Service number failed:')
    assert call('refuses', Trigger).message == 'Not now.'
