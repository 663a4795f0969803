"""Driver node in a process of its own."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest
from support.graph import graph, replay, synthetic
from support.installed_source import LISTENING, WAITING, install_source

from myogestic_ros.demo.node_client import DemoError
from myogestic_ros.msg import EmgFrame, Label, StreamInfo
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_from_ros

pytestmark = pytest.mark.processes

FAKE_SOURCE = '''
"""A source whose device is present while a file contains "on"."""
import time
from pathlib import Path
import numpy as np
from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo

class Flaky:
    PARAMETERS = (Parameter('switch', '', "File that contains 'on' while the device is present."),)
    def __init__(self, values):
        self.switch = Path(values['switch'])
    def check(self):
        if self.switch.read_text() != 'on':
            raise SourceError('The device does not answer; is it switched on?')
    def open(self):
        self.check()
        self.first = 0
        return StreamInfo('emg', 1000.0, ('a',))
    def read(self, timeout_s):
        time.sleep(0.01)
        self.check()
        self.first += 10
        return Chunk(self.first - 10, (self.first - 10) * 10**6, 1000.0, np.ones((10, 1), 'f4'))
    def set_label(self, label):
        pass
    def close(self):
        pass
'''


@pytest.fixture
def flaky(tmp_path, monkeypatch):
    """Install a source through an entry point; return its parameters and a function that sets its switch file."""
    install_source(tmp_path, monkeypatch, FAKE_SOURCE, flaky='Flaky', broken='Nothing')
    switch = tmp_path / 'switch'
    switch.write_text('on')
    return {
        'source': 'flaky',
        'flaky.switch': str(switch),
        'dormant_period_between_reconnects': 0.1,
        'max_failed_reconnect_attempts': 5,
    }, switch.write_text


def listen(g):
    """Return lists that receive the driver's frames, infos and labels."""
    frames: list[EmgFrame] = []
    infos: list[StreamInfo] = []
    labels: list[Label] = []
    subscribe = g.operator._node.create_subscription
    subscribe(EmgFrame, 'emg', frames.append, qos.EMG)
    subscribe(StreamInfo, 'emg/info', infos.append, qos.INFO)
    subscribe(Label, 'label', labels.append, qos.LABEL_INPUT)
    g.operator.spin(0.5)
    return frames, infos, labels


def test_frames_match_the_source_settings(tmp_path):
    with graph(tmp_path, driver=synthetic(channels=3, sampling_rate=1000.0)) as g:
        frames, infos, _ = listen(g)
        g.operator.transition('driver', 'activate')
        g.wait(lambda: len(frames) >= 50, 'frames')
        g.operator.transition('driver', 'deactivate')
        count = len(frames)
        g.operator.spin(0.3)
        assert len(frames) == count
        chunks = [chunk_from_ros(frame) for frame in frames]
        assert [chunk.first_sample for chunk in chunks] == list(range(0, 10 * count, 10))
        assert {b.stamp_ns - a.stamp_ns for a, b in zip(chunks, chunks[1:], strict=False)} == {
            10_000_000
        }
        assert all(chunk.data.shape == (10, 3) for chunk in chunks)
        assert list(infos[0].channel_names) == ['EMG1', 'EMG2', 'EMG3']
        g.operator.transition('driver', 'activate')
        g.wait(lambda: len(frames) > count, 'frames after reactivation')
        assert frames[count].first_sample == 0


def test_synthetic_source_contracts_after_a_label(tmp_path):
    with graph(tmp_path, driver=synthetic(reaction_time=0.0), recorder={}) as g:
        frames, _, _ = listen(g)
        g.operator.transition('driver', 'activate')
        g.wait(lambda: len(frames) >= 30, 'rest')
        rest = np.std([frame.data for frame in frames])
        g.operator.set_label('fist')
        g.operator.spin(0.7)
        del frames[:]
        g.wait(lambda: len(frames) >= 30, 'a contraction')
        assert np.std([frame.data for frame in frames]) > 5 * rest


def test_driver_reconnects_to_a_device_that_returns(tmp_path, flaky):
    parameters, switch = flaky
    with graph(tmp_path, driver=parameters) as g:
        frames, _, _ = listen(g)
        g.operator.transition('driver', 'activate')
        g.wait(lambda: len(frames) >= 10, 'frames')
        switch('off')
        g.wait(
            lambda: 'to reconnect' in g.operator.node_status['driver'].message,
            'status of the failure',
        )
        assert 'is it switched on?' in g.operator.node_status['driver'].message
        count = len(frames)
        switch('on')
        g.wait(lambda: len(frames) > count + 5, 'frames after the reconnect')
        assert g.operator.is_active('driver')


def test_driver_deactivates_after_the_last_failed_reconnect_attempt(tmp_path, flaky):
    parameters, switch = flaky
    with graph(tmp_path, driver=parameters) as g:
        g.operator.transition('driver', 'activate')
        switch('off')
        g.wait(
            lambda: 'after 5 attempts' in g.operator.node_status['driver'].message,
            'status of the failure',
        )
        g.wait(lambda: not g.operator.is_active('driver'), 'deactivation')
        switch('on')
        g.operator.transition('driver', 'activate')


def test_activation_is_refused_without_the_device(tmp_path, flaky):
    parameters, switch = flaky
    switch('off')
    with graph(tmp_path, driver=parameters) as g:
        with pytest.raises(DemoError, match='is it switched on'):
            g.operator.transition('driver', 'activate')
        assert not g.operator.is_active('driver')
        assert "Source 'broken'" in g.log(
            'driver'
        )  # one broken package does not affect the others


@pytest.mark.parametrize('code', [LISTENING, WAITING], ids=['blocking', 'waiting'])
def test_a_driver_whose_device_is_not_there_obeys_at_once(tmp_path, monkeypatch, code):
    install_source(tmp_path, monkeypatch, code, late='Listening')
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    took_s = {}

    def timed(name, function, *args):
        began_s = time.monotonic()
        function(*args)
        took_s[name] = max(took_s.get(name, 0.0), time.monotonic() - began_s)

    with graph(tmp_path, driver={'source': 'late', 'late.port': port}) as g:
        for _ in range(2):
            timed('activate', g.operator.transition, 'driver', 'activate')
            g.wait(lambda: g.operator.node_status['driver'].state == 'waiting', 'status')
            timed('deactivate', g.operator.transition, 'driver', 'deactivate')
        g.operator.transition('driver', 'activate')
        frames, _, _ = listen(g)
        with socket.create_connection(('127.0.0.1', port)) as device:
            device.sendall(bytes(50))
            g.wait(lambda: frames, 'frames')
        assert g.operator.node_status['driver'].state == 'streaming'
        g.operator.transition('driver', 'deactivate')
        g.operator.transition('driver', 'activate')
        g.wait(lambda: g.operator.node_status['driver'].state == 'waiting', 'status')
        timed('SIGINT', g.nodes.stop)
    assert max(took_s.values()) < 3.0, took_s  # each takes less than 0.3 s on an idle machine


@pytest.mark.parametrize(
    ('parameters', 'reason'),
    [
        (
            {'source': 'nothing'},
            "There is no source 'nothing'; expected one of: ",
        ),
        (replay('/nowhere'), 'There is no recording /nowhere'),
        (replay(''), 'No recording to play: set the parameter path'),
    ],
)
def test_invalid_source_parameters_are_refused_with_the_reason(tmp_path, parameters, reason):
    with pytest.raises(DemoError, match=reason), graph(tmp_path, driver=parameters) as g:
        g.operator.transition('driver', 'activate')


def test_replay_publishes_labels_and_deactivates_at_the_end(tmp_path):
    rng = np.random.default_rng(0)
    rows = [[*rng.integers(-99, 99, 2), label] for label in (0, 1, 0, 1) for _ in range(100)]
    np.savetxt(tmp_path / 'r.csv', rows, fmt='%d', delimiter=',')
    parameters = replay(tmp_path / 'r.csv', class_names=['rest', 'fist'])
    with graph(tmp_path, driver=parameters) as g:
        frames, _, labels = listen(g)
        g.operator.transition('driver', 'activate')
        g.wait(lambda: not g.operator.is_active('driver'), 'deactivation')
        g.operator.spin(0.3)
        assert sum(len(frame.data) for frame in frames) == 800
        assert [label.name for label in labels] == ['rest', 'fist', 'rest', 'fist', '']
        assert [label.repetition for label in labels] == [0, 0, 1, 1, -1]
        assert labels[1].header.stamp == frames[50].header.stamp
