"""Driver node with sources that open slowly, fail and are replaced."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter as RosParameter
from support.ros import ros_graph

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.core.signals import Label as CoreLabel
from myogestic_ros.msg import EmgFrame, Label, NodeStatus
from myogestic_ros.msg import StreamInfo as StreamInfoMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.driver.node import DriverNode
from myogestic_ros.sources import registry

TICK_NS = 10_000_000


class Device:
    """State of the device behind a `Fake` source, set by the test."""

    def __init__(self):
        self.there = True
        self.opens = threading.Event()
        self.opens.set()
        self.open_now = 0
        self.most_open = 0
        self.labels = []
        self.waited_for = False
        self.battery = '80 %'


class Fake:
    """A source whose chunks are 10 samples of `gain` at 1 kHz."""

    PARAMETERS = (Parameter('gain', 1.0, 'V.', minimum=0.0, maximum=10.0),)
    device: Device

    def __init__(self, values):
        self.gain = values['gain']
        self._is_open = False
        self._first = 0

    def _require_device(self):
        if self.device.waited_for:
            raise SourceWaiting('switch it on (listening on port 1)')
        if not self.device.there:
            raise SourceError('The device does not answer; is it switched on?')

    def open(self):
        self.device.opens.wait(60.0)
        self._require_device()
        self._first = 0
        self._is_open = True
        self.device.open_now += 1
        self.device.most_open = max(self.device.most_open, self.device.open_now)
        return StreamInfo('emg', 1000.0, ('a',), device='fake')

    def read(self, timeout_s):
        time.sleep(0.002)  # faster than real time, to keep the test short
        self._require_device()
        first, self._first = self._first, self._first + 10
        data = np.full((10, 1), self.gain, np.float32)
        return Chunk(first, first * 10**6, 1000.0, data)

    def set_label(self, label):
        self.device.labels.append(label.name)

    def close(self):
        self.device.open_now -= self._is_open
        self._is_open = False


class Armband(Fake):
    """A fake source with a motion sensor at 100 Hz, and facts about itself."""

    def auxiliary_streams(self):
        return [StreamInfo('imu', 100.0, ('x', 'y'), unit='g')]

    def health(self):
        return {'battery': self.device.battery} if self.device.battery else 1 / 0

    def open(self):
        self._motion = 0
        return super().open()

    def read(self, timeout_s):
        if self._first >= 10 * (self._motion + 1):  # one sample of motion after each chunk
            n, self._motion = self._motion, self._motion + 1
            data = np.full((1, 2), n, np.float32)
            return Chunk(n, n * TICK_NS, 100.0, data, 'imu')
        return super().read(timeout_s)


class Labelled(Fake):
    """A fake source with labels of its own."""

    HAS_LABELS = True

    def open(self):
        info = super().open()
        self._label_sent = False
        return info

    def read(self, timeout_s):
        if not self._label_sent:
            self._label_sent = True
            return CoreLabel(5, 2, 'fist', 0)
        return super().read(timeout_s)


@pytest.fixture
def device(monkeypatch):
    device = Device()
    monkeypatch.setattr(Fake, 'device', device, raising=False)
    monkeypatch.setitem(registry.BUILT_IN, 'fake', Fake)
    monkeypatch.setitem(registry.BUILT_IN, 'labelled', Labelled)
    monkeypatch.setitem(registry.BUILT_IN, 'armband', Armband)
    yield device
    device.opens.set()


@pytest.fixture
def ros(device):
    with ros_graph() as graph:
        yield graph


@pytest.fixture
def driver(device, ros):
    """Return a configured driver of the fake device."""
    return ros.add(
        DriverNode,
        source='fake',
        dormant_period_between_reconnects=0.01,
        max_failed_reconnect_attempts=3,
        autostart='configure',
    )


def set_parameter(node, name, value):
    assert node.set_parameters_atomically([RosParameter(name, value=value)]).successful


def test_frames_have_consecutive_sample_indices_and_stamps(ros, driver):
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    before_ns = driver.get_clock().now().nanoseconds
    assert driver.request_transition('activate') == (True, 'Streaming.')
    ros.until(lambda: len(frames) >= 50, 'frames')
    infos = ros.listen(StreamInfoMessage, 'emg/info', qos.INFO)  # latched
    ros.until(lambda: infos, 'info')
    opened_ns = infos[0].header.stamp.sec * 10**9 + infos[0].header.stamp.nanosec
    assert before_ns <= opened_ns
    assert infos[0].device == 'fake'
    for number, frame in enumerate(frames):
        stamp = frame.header.stamp
        assert frame.first_sample == 10 * number
        assert stamp.sec * 10**9 + stamp.nanosec == opened_ns + TICK_NS * number
        assert frame.header.frame_id == 'emg'


def test_no_frame_is_published_after_deactivation(ros, driver, device):
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    driver.request_transition('activate')
    ros.until(lambda: frames, 'frames')
    published = driver._counts
    assert driver.request_transition('deactivate') == (True, 'Stopped streaming.')
    count = published['frames']
    assert device.open_now == 0
    ros.until(lambda: len(frames) == count, 'published frames')
    time.sleep(0.05)
    assert published['frames'] == count


def test_activation_returns_while_a_slow_device_opens(ros, driver, device):
    status = ros.listen(NodeStatus, 'driver/status', qos.STATUS)
    device.opens.clear()
    began_s = time.monotonic()
    assert driver.request_transition('activate') == (True, 'Opening the source.')
    assert time.monotonic() - began_s < 1.0  # documented: 0.1 s
    device.opens.set()
    ros.until(lambda: status and status[-1].message == 'Streaming.', 'status')
    assert status[-1].state == 'streaming'


def test_driver_deactivates_after_the_last_failed_reconnect_attempt(ros, driver, device):
    status = ros.listen(NodeStatus, 'driver/status', qos.STATUS)
    device.opens.clear()
    device.there = False
    assert driver.request_transition('activate')[0]
    device.opens.set()
    ros.until(lambda: driver.lifecycle_state == 'inactive', 'deactivation')
    ros.until(lambda: 'after 3 attempts to reconnect' in status[-1].message, 'reason')
    assert 'is it switched on?' in status[-1].message
    assert status[-1].state == 'idle'
    device.there = True
    assert driver.request_transition('activate') == (True, 'Streaming.')


def test_a_hanging_device_is_never_opened_twice(ros, driver, device):
    device.opens.clear()
    driver.request_transition('activate')
    began_s = time.monotonic()
    assert 'still being released' in driver.request_transition('deactivate')[1]
    assert time.monotonic() - began_s < 1.0
    success, reason = driver.request_transition('activate')
    assert not success
    assert reason == 'The source is still being released; try again in a moment.'
    device.opens.set()
    ros.until(lambda: not driver._reader.running, 'release')
    assert device.open_now == 0
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    assert driver.request_transition('activate')[0]
    ros.until(lambda: len(frames) > 20, 'frames')
    assert device.most_open == 1
    assert [frame.first_sample for frame in frames] == list(range(0, 10 * len(frames), 10))


def test_a_driver_that_waits_for_its_device_says_so_and_can_be_stopped(ros, driver, device):
    status = ros.listen(NodeStatus, 'driver/status', qos.STATUS)
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    device.waited_for = True
    assert driver.request_transition('activate')[0]
    ros.until(lambda: status[-1].state == 'waiting', 'status')
    waiting = 'Waiting for the device: switch it on (listening on port 1, '
    ros.until(lambda: status[-1].message.startswith(waiting), 'reason')
    for _ in range(3):
        assert driver.request_transition('deactivate') == (True, 'Stopped streaming.')
        assert driver.request_transition('activate')[0]  # at once
    # more attempts than max_failed_reconnect_attempts
    ros.until(lambda: status[-1].message.endswith(', 1 s).'), 'time')
    ros.until(lambda: 'switch it on' in diagnostics[-1].status[0].message, 'diagnostics')
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    device.waited_for = False
    ros.until(lambda: status[-1].message == 'Streaming.', 'the device')
    assert status[-1].state == 'streaming'
    ros.until(lambda: frames, 'frames')
    device.waited_for = True  # the device goes away and comes back by itself
    ros.until(lambda: status[-1].state == 'waiting', 'status')
    device.waited_for = False
    ros.until(lambda: status[-1].state == 'streaming', 'the device')
    ros.until(
        lambda: np.diff([frame.first_sample for frame in frames]).max(initial=0) > 10, 'a hole'
    )
    assert driver._counts['reconnects'] == 1


def test_auxiliary_streams_are_published_with_their_own_numbering(ros, driver, device):
    set_parameter(driver, 'source', 'armband')
    emg = ros.listen(EmgFrame, 'emg', qos.EMG)
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    assert driver.request_transition('activate')[0]
    motion = ros.listen(EmgFrame, 'imu', qos.EMG)
    infos = ros.listen(StreamInfoMessage, 'imu/info', qos.INFO)
    ros.until(lambda: len(motion) > 5 and emg and infos, 'both streams')
    assert (infos[0].unit, list(infos[0].channel_names)) == ('g', ['x', 'y'])
    assert [frame.first_sample for frame in motion] == [int(frame.data[0]) for frame in motion]
    assert np.diff([frame.first_sample for frame in motion]).tolist() == [1] * (len(motion) - 1)
    assert {frame.channels for frame in emg} == {1}

    def values():
        return {pair.key: pair.value for pair in diagnostics[-1].status[0].values}

    ros.until(lambda: values().get('battery') == '80 %', 'health')
    assert values()['lost samples of imu'] == '0'
    device.battery = None  # a fault in the report
    ros.until(lambda: 'ZeroDivisionError' in values().get('health', ''), 'the fault')
    driver.request_transition('deactivate')
    set_parameter(driver, 'source', 'fake')
    driver.request_transition('activate')
    ros.until(lambda: not ros.hand.count_publishers('imu'), 'the end of the stream')


def test_a_reconnect_skips_sample_indices_and_is_reported(ros, driver, device):
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    status = ros.listen(NodeStatus, 'driver/status', qos.STATUS)
    diagnostics = ros.listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    driver.request_transition('activate')
    ros.until(lambda: len(frames) > 5, 'frames')
    device.there = False
    ros.until(lambda: 'to reconnect in' in status[-1].message, 'status of the failure')
    device.there = True
    driver._counts['frames'] = 0
    ros.until(lambda: driver._counts['frames'] > 5, 'frames after the reconnect')
    ros.until(lambda: status[-1].message == 'Streaming.', 'status of the reconnect')
    first = [frame.first_sample for frame in frames]
    steps = np.diff(first)
    assert (steps > 0).all()  # counted from activation
    assert (steps > 10).sum() == 1
    lost = int(steps.max()) - 10

    def values():
        return {pair.key: pair.value for pair in diagnostics[-1].status[0].values}

    ros.until(lambda: diagnostics and values()['lost samples'] == str(lost), 'lost samples')
    assert int(values()['reconnects']) >= 1


def test_driver_deactivates_at_the_first_failure_without_attempt_reconnect(ros, driver, device):
    set_parameter(driver, 'attempt_reconnect', False)
    driver.request_transition('activate')
    device.there = False
    ros.until(lambda: driver.lifecycle_state == 'inactive', 'deactivation')
    ros.until(lambda: driver.status_message.startswith('Stopped streaming: The dev'), 'reason')


def test_a_label_set_before_activation_is_passed_to_the_source(ros, driver, device):
    labels = ros.publisher(Label, 'label', qos.LABEL)
    labels.publish(Label(index=1, name='fist'))
    ros.until(lambda: device.labels == ['fist'], 'label')
    driver.request_transition('activate')
    assert device.labels == ['fist', 'fist']  # passed again to the new source


def test_source_parameter_takes_effect_at_the_next_activation(ros, driver, device):
    set_parameter(driver, 'source', 'labelled')
    assert driver.request_transition('activate')[0]
    labels = ros.listen(Label, 'label', qos.LABEL_INPUT)
    ros.until(lambda: labels, 'the label of the source')
    assert (labels[0].index, labels[0].name) == (2, 'fist')
    driver.request_transition('deactivate')
    set_parameter(driver, 'source', 'fake')
    driver.request_transition('activate')
    assert not ros.hand.count_publishers('label')
    ros.publisher(Label, 'label', qos.LABEL).publish(Label(index=1, name='open'))
    ros.until(lambda: 'open' in device.labels, 'label')


def test_source_parameters_take_effect_at_the_next_activation(ros, driver):
    frames = ros.listen(EmgFrame, 'emg', qos.EMG)
    set_parameter(driver, 'fake.gain', 3)
    driver.request_transition('activate')
    ros.until(lambda: frames, 'frames')
    assert frames[0].data[0] == 3.0


class BusyDriver(DriverNode):
    """A driver whose reader goes on only after the transition, as on a busy machine."""

    def _wait_for_subscribers(self):
        end_s = time.monotonic() + 60.0
        while self.lifecycle_state != 'active' and time.monotonic() < end_s:
            time.sleep(0.01)
        self.published.wait(60.0)

    def publish_status(self):
        """Publish the status, and note when it is that of the active node."""
        super().publish_status()
        if self.lifecycle_state == 'active':
            self.published.set()


def test_status_is_streaming_however_late_the_reader_goes_on(device, ros, monkeypatch):
    monkeypatch.setattr(BusyDriver, 'published', threading.Event(), raising=False)
    driver = ros.add(BusyDriver, source='fake', autostart='configure')
    statuses = ros.listen(NodeStatus, 'driver/status', qos.STATUS)
    assert driver.request_transition('activate')[0]
    ros.until(lambda: statuses and statuses[-1].state == 'streaming', 'streaming')
