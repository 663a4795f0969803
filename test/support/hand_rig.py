"""A bridge as a process, a pipeline that says what the test wants, and a hand that takes note."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from myogestic_ros.control.mapping_file import read_mapping
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.msg import BridgeStatus, Prediction
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import time_to_ros
from support.graph import PATIENCE_S
from support.paths import ROOT
from support.processes import until

MAPPING = read_mapping(ROOT / 'config' / 'mappings' / 'hand.yaml')
TIMEOUT_S = 0.25
PERIOD_S = 0.01
INDEX = MAPPING.joint_names.index('index_flexion')


def posture(name: str) -> np.ndarray:
    """Return the positions of a posture, rad, in the order of the joints."""
    rest = MAPPING.postures['rest']
    return np.array([MAPPING.postures[name].get(j, rest[j]) for j in MAPPING.joint_names])


@dataclass
class Commands:
    """Commands as they arrived.

    Attributes
    ----------
    arrived_s : list of float
        When, on the steady clock.
    number : list of int
        Their number, as the publisher counts them: one that is missing here was lost.
    data : list of ndarray
        What they say.
    """

    arrived_s: list[float] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    data: list[np.ndarray] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.data)

    def since(self, start_s: float, before: int = 0) -> Commands:
        """Return those that arrived from a time on, and so many before."""
        first = next((i for i, t in enumerate(self.arrived_s) if t >= start_s), len(self.data))
        first = max(0, first - before)
        return Commands(self.arrived_s[first:], self.number[first:], self.data[first:])

    def speeds(self) -> np.ndarray:
        """Return the speeds between them by the nominal period, shape (n - 1, n_joints), rad/s."""
        steps = np.diff(self.number)[:, None] * PERIOD_S
        return np.diff(np.array(self.data), axis=0) / steps

    def check(self, *, acceleration: bool = True) -> None:
        """No limit is exceeded by any of them."""
        joints = MAPPING.joints
        positions = np.array(self.data)
        assert np.all(positions >= [j.lower - 1e-9 for j in joints])
        assert np.all(positions <= [j.upper + 1e-9 for j in joints])
        speeds = self.speeds()
        assert np.all(np.abs(speeds) <= [j.velocity + 1e-6 for j in joints])
        gaps = np.diff(self.number)
        whole = (gaps[1:] == 1) & (gaps[:-1] == 1)  # a lost one leaves only the mean speed
        changes = np.abs(np.diff(speeds, axis=0))[whole]
        if acceleration:
            assert np.all(changes <= [j.acceleration * PERIOD_S + 1e-6 for j in joints])


class Speaker:
    """A pipeline that predicts what it is told to, 50 times a second, until it is closed."""

    def __init__(self, node: Any, label: str) -> None:
        self.label = label
        self.age_s = 0.005
        self.fields: dict[str, Any] = {}
        self._node = node
        self._publisher = node.create_publisher(Prediction, 'pipeline/predictions', 50)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sample = 0
        while not self._end.wait(0.02):
            sample += 40
            now_ns = self._node.get_clock().now().nanoseconds
            message = Prediction(label=self.label, sample=sample, model_id='m', **self.fields)
            message.header.stamp = time_to_ros(max(0, now_ns - round(self.age_s * 1e9)))
            self._publisher.publish(message)

    def close(self) -> None:
        """Predict no more."""
        self._end.set()
        self._thread.join()
        self._node.destroy_publisher(self._publisher)


class Rig:
    """What a test has in its hands."""

    def __init__(self, node: Any, nodes: NodeProcesses) -> None:
        self.node = node
        self.nodes = nodes
        self.commands = Commands()
        self.statuses: list[BridgeStatus] = []
        self.speakers: list[Speaker] = []
        self._clients: dict[str, Any] = {}
        node.create_subscription(
            Float64MultiArray, 'hand/commands', self._on_command, QoSProfile(depth=1000)
        )
        node.create_subscription(BridgeStatus, 'bridge/status', self.statuses.append, qos.STATUS)

    def _on_command(self, message: Float64MultiArray, info: Any) -> None:
        self.commands.arrived_s.append(time.monotonic())
        number = info.get('publication_sequence_number')  # before Kilted it does not say
        self.commands.number.append(len(self.commands) if number is None else number)
        self.commands.data.append(np.array(message.data))

    def until(self, condition: Any, what: str) -> None:
        """Wait until a condition holds."""
        try:
            until(condition, PATIENCE_S)
        except AssertionError:
            raise AssertionError(f'there was no {what}; the last status is {self.status}')

    @property
    def status(self) -> BridgeStatus:
        """The bridge's status, as it said last."""
        return self.statuses[-1] if self.statuses else BridgeStatus()

    @property
    def position(self) -> np.ndarray:
        """Where the joints were told to be last, rad."""
        return self.commands.data[-1]

    def call(self, service: str, kind: Any = Trigger, **fields: Any) -> Any:
        """Call a service of the bridge."""
        client = self._clients.get(service)
        if client is None:
            client = self._clients[service] = self.node.create_client(kind, f'bridge/{service}')
        self.until(client.service_is_ready, service)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done, f'answer of {service}')
        return future.result()

    def transition(self, label: str) -> bool:
        """Take the bridge through a lifecycle transition."""
        request = ChangeState.Request()
        request.transition.label = label
        return bool(self.call('change_state', ChangeState, transition=request.transition).success)

    def set_parameter(self, name: str, value: str) -> None:
        """Set a parameter of the bridge."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        response = self.call('set_parameters', SetParameters, parameters=[parameter])
        assert response.results[0].successful, response.results[0].reason

    def speaker(self, label: str = 'fist') -> Speaker:
        """Return a new pipeline; it is closed at the end of the test."""
        self.speakers.append(Speaker(self.node, label))
        return self.speakers[-1]

    def drive(self, label: str = 'fist') -> Speaker:
        """Let a pipeline move the hand, and wait until it is where it should be."""
        speaker = self.speaker(label)
        if not self.status.armed:
            answer = self.call('arm')
            assert answer.success, answer.message
        self.until(lambda: self.status.commanding and self.status.posture == label, 'commanding')
        self.until(lambda: np.abs(self.position - posture(label)).max() < 1e-3, label)
        return speaker

    def heads_for_rest(self, since_s: float) -> float:
        """Wait until the hand is on its way to rest; return how long that took, s."""
        rest = posture('rest')[INDEX]

        def first() -> float | None:
            commands = self.commands.since(since_s)
            if len(commands) < 2:
                return None
            places = np.abs(np.array(commands.data)[:, INDEX] - rest)
            nearer = np.flatnonzero(np.diff(places) < 0)
            return commands.arrived_s[nearer[0] + 1] - since_s if len(nearer) else None

        self.until(first, 'way to rest')
        took_s = first()
        assert took_s is not None
        self.until(lambda: abs(self.position[INDEX] - rest) < 0.9, 'rest')
        return took_s

    def close_speakers(self) -> None:
        """End all pipelines of this test."""
        while self.speakers:
            self.speakers.pop().close()


def numbers_that_are_none() -> dict[str, Any]:
    """Return fields of a prediction with a NaN."""
    return {'class_names': ['rest', 'fist'], 'probabilities': [0.0, math.nan]}


@contextmanager
def hand_rig(
    folder: Path, beside: dict[str, dict[str, Any]] | None = None, **parameters: Any
) -> Iterator[Rig]:
    """Start a bridge, active and disarmed, and nodes beside it, in the domain that is set."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('rig', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    ended = threading.Event()

    def spin() -> None:
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, daemon=True)
    try:
        with NodeProcesses(folder / 'nodes') as nodes:
            nodes.start('bridge', {'state_topic': '', 'autostart': 'activate', **parameters})
            for name, values in (beside or {}).items():
                nodes.start(name, values)
            rig = Rig(node, nodes)
            thread.start()
            try:
                rig.until(lambda: rig.status.state == 'disarmed', 'bridge')
                yield rig
            finally:
                rig.close_speakers()
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()


def interrupt(rig: Rig) -> Any:
    """Send SIGINT to the bridge, as Ctrl-C would; return its process."""
    process = rig.nodes._processes['bridge']
    process.send_signal(signal.SIGINT)
    return process
