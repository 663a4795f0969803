"""Client of the nodes: the calls of `ros2 service call`, `ros2 lifecycle` and `ros2 param`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from myogestic_ros.demo.hand_score import HandState
from myogestic_ros.demo.score import Cue, ReceivedPrediction
from myogestic_ros.msg import (
    BridgeStatus,
    Label,
    NodeStatus,
    PipelineStatus,
    Prediction,
    StreamInfo,
)
from myogestic_ros.nodes.common import qos
from myogestic_ros.srv import ListSessions, SetLabel, Train

__all__ = ['DemoError', 'NodeClient', 'open_node_client']

SETTLE_S = 0.2
FIND_WITHIN_S = 60.0
"""Time limit for nodes to start, s: about ten times what they take, for a busy machine."""

TRANSITIONS = {
    'configure': Transition.TRANSITION_CONFIGURE,
    'activate': Transition.TRANSITION_ACTIVATE,
    'deactivate': Transition.TRANSITION_DEACTIVATE,
    'cleanup': Transition.TRANSITION_CLEANUP,
}


GOALS = {
    'configure': State.PRIMARY_STATE_INACTIVE,
    'activate': State.PRIMARY_STATE_ACTIVE,
    'deactivate': State.PRIMARY_STATE_INACTIVE,
    'cleanup': State.PRIMARY_STATE_UNCONFIGURED,
}


STATUS_NODES = ('driver', 'recorder', 'pipeline', 'hand', 'bridge')
"""Nodes whose status is subscribed."""


class DemoError(Exception):
    """The demo cannot continue; the message gives the reason."""


class NodeClient:
    """Call the services of the nodes and store the messages that they publish.

    Parameters
    ----------
    failure : callable
        Returns an error message if a node has exited, otherwise None. Called while waiting.

    Attributes
    ----------
    cues : list of Cue
        Labels in the order received.
    predictions : list of ReceivedPrediction
        Predictions in the order received.
    hand : list of HandState
        Joint states of the hand in the order received.
    diagnostics : dict of str to dict
        Latest values of ``/diagnostics`` by node.
    skipped : int
        Number of late predictions that the pipeline skipped in the last test.
    speed : float
        Playback speed of a replay: seconds of signal per second.
    on_training_log : callable
        Called with each line of the training log.
    post_processing : str
        Description of the post-processing, from the status of the pipeline.
    """

    def __init__(self, failure: Callable[[], str | None]) -> None:
        self._failure = failure
        self.post_processing = ''
        self.cues: list[Cue] = []
        self.predictions: list[ReceivedPrediction] = []
        self.hand: list[HandState] = []
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.skipped = 0
        self.speed = 1.0
        self._opened_s = 0.0
        self.status: PipelineStatus | None = None
        self.node_status: dict[str, NodeStatus | BridgeStatus] = {}
        self.on_training_log: Callable[[str], None] = lambda line: None
        self._node = rclpy.create_node('demo')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._clients: dict[str, Any] = {}
        subscribe = self._node.create_subscription
        subscribe(StreamInfo, 'emg/info', self._on_info, qos.INFO)
        subscribe(Label, 'label', self._on_label, qos.LABEL_INPUT)
        subscribe(Prediction, 'pipeline/predictions', self._on_prediction, qos.PREDICTIONS)
        subscribe(PipelineStatus, 'pipeline/status', self._on_status, qos.STATUS)
        subscribe(String, 'pipeline/training_log', self._on_log, qos.LOG)
        subscribe(JointState, 'joint_states', self._on_joint_state, qos.JOINT_STATES)
        subscribe(BridgeStatus, 'bridge/status', self._status_callback('bridge'), qos.STATUS)
        subscribe(DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.DIAGNOSTICS)
        for name in ('driver', 'recorder', 'hand'):
            subscribe(NodeStatus, f'{name}/status', self._status_callback(name), qos.STATUS)

    def close(self) -> None:
        """Destroy the node."""
        self._executor.shutdown()
        self._node.destroy_node()

    # -- subscriptions ------------------------------------------------------------------------

    def _on_label(self, message: Label) -> None:
        self.cues.append(Cue(_seconds(message.header.stamp), message.name))

    def _on_prediction(self, message: Prediction, info: Mapping[str, int]) -> None:
        received_s = self._node.get_clock().now().nanoseconds * 1e-9
        stamp_s = _seconds(message.header.stamp)
        acquired_s = self._opened_s + (stamp_s - self._opened_s) / self.speed
        self.predictions.append(
            ReceivedPrediction(
                stamp_s,
                received_s - acquired_s,
                message.label,
                message.compute_time,
                info['source_timestamp'] * 1e-9,
            )
        )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            self.diagnostics[status.name.strip('/')] = values

    def count_skipped(self) -> int:
        """Return the number of late predictions that the pipeline has skipped so far."""
        self.diagnostics.pop('pipeline', None)
        self.wait(lambda: 'pipeline' in self.diagnostics, 'Diagnostics of the pipeline', 60.0)
        return int(self.diagnostics['pipeline']['overruns'])

    def _on_joint_state(self, message: JointState) -> None:
        positions = dict(zip(message.name, message.position, strict=True))
        self.hand.append(HandState(_seconds(message.header.stamp), positions))

    def _on_info(self, message: StreamInfo) -> None:
        self._opened_s = _seconds(message.header.stamp)

    def _on_status(self, message: PipelineStatus) -> None:
        self.status = message

    def _on_log(self, message: String) -> None:
        self.on_training_log(message.data)

    def _status_callback(self, name: str) -> Callable[[NodeStatus | BridgeStatus], None]:
        return lambda message: self.node_status.__setitem__(name, message)

    @property
    def pipeline_state(self) -> str:
        """State in the latest status of the pipeline."""
        return self.status.state if self.status is not None else ''

    @property
    def pipeline_message(self) -> str:
        """Message in the latest status of the pipeline."""
        return self.status.message if self.status is not None else ''

    @property
    def model_id(self) -> str:
        """Model in the latest status of the pipeline."""
        return self.status.model_id if self.status is not None else ''

    # -- calls --------------------------------------------------------------------------------

    def spin(self, seconds: float) -> None:
        """Process messages for a number of seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._spin_once(left)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Process messages until a condition is true; raise `DemoError` after the timeout."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise DemoError(f'{what} took longer than {timeout_s:g} s.')
            self._spin_once(0.05)

    def _spin_once(self, seconds: float) -> None:
        self._executor.spin_once(timeout_sec=min(seconds, 0.1))
        failure = self._failure()
        if failure is not None:
            raise DemoError(failure)

    def call(self, kind: Any, service: str, request: Any, timeout_s: float = 20.0) -> Any:
        """Call a service and return its response."""
        client = self._clients.get(service)
        if client is None:
            client = self._clients[service] = self._node.create_client(kind, service)
            self.wait(
                client.service_is_ready, f'Discovery of the service {service}', FIND_WITHIN_S
            )
            # The service is discovered here; its node may not have discovered this client yet.
            self.spin(SETTLE_S)
        self.wait(client.service_is_ready, f'Discovery of the service {service}', FIND_WITHIN_S)
        future = client.call_async(request)
        self.wait(future.done, f'The response of {service}', timeout_s)
        return future.result()

    def trigger(self, service: str) -> str:
        """Call a Trigger service; return its message."""
        return self._expect_success(service, self.call(Trigger, service, Trigger.Request()))

    def train(self, session: str) -> str:
        """Start the training on one session."""
        request = Train.Request(sessions=[session])
        return self._expect_success('train', self.call(Train, 'pipeline/train', request))

    def sessions(self) -> list[str]:
        """Return the names of the recorded sessions, oldest first."""
        response = self.call(ListSessions, 'recorder/list_sessions', ListSessions.Request())
        return [session.name for session in response.sessions]

    def set_label(self, name: str) -> None:
        """Set the label in force."""
        response = self.call(SetLabel, 'recorder/set_label', SetLabel.Request(name=name))
        self._expect_success('set_label', response)

    def transition(self, node: str, verb: str) -> None:
        """Take a node through a lifecycle transition."""
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[verb]))
        if node in STATUS_NODES:
            # The status is latched: once received, the node has discovered this client.
            self.wait(lambda: self._status_of(node) is not None, f'The {node} node', FIND_WITHIN_S)
        try:
            success = self.call(ChangeState, f'{node}/change_state', request).success
        except DemoError:  # on a busy machine a response may be lost
            success = self.state(node) == GOALS[verb]
        if not success:
            self.spin(0.3)  # receive the status with the reason
            status = self._status_of(node)
            reason = status.message if status is not None else 'it gave no reason'
            raise DemoError(f'The {node} node refused to {verb}: {reason}')

    def _status_of(self, node: str) -> Any:
        return self.status if node == 'pipeline' else self.node_status.get(node)

    def state(self, node: str) -> int:
        """Return a node's lifecycle state."""
        return int(self.call(GetState, f'{node}/get_state', GetState.Request()).current_state.id)

    def is_active(self, node: str) -> bool:
        """Return True if a node is active."""
        return self.state(node) == State.PRIMARY_STATE_ACTIVE

    def set_parameter(self, node: str, name: str, value: Any) -> None:
        """Set a parameter of a node."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        result = self.call(SetParameters, f'{node}/set_parameters', request).results[0]
        if not result.successful:
            raise DemoError(f'{node}: {result.reason}')

    @staticmethod
    def _expect_success(service: str, response: Any) -> str:
        if not response.success:
            raise DemoError(f'{service}: {response.message}')
        return str(response.message)


def _seconds(stamp: Any) -> float:
    return float(stamp.sec) + stamp.nanosec * 1e-9


@contextmanager
def open_node_client(
    failure: Callable[[], str | None], *, destroy: bool = True
) -> Iterator[NodeClient]:
    """Create a `NodeClient`; destroy it on exit.

    Parameters
    ----------
    failure : callable
        See `NodeClient`.
    destroy : bool
        False in a process that ends itself by `os._exit` afterwards: Fast DDS 3.2 sometimes waits
        for ever while a writer is destroyed, and then the process would never end.
    """
    rclpy.init(signal_handler_options=rclpy.SignalHandlerOptions.NO)  # the demo handles Ctrl-C
    try:
        client = NodeClient(failure)
        try:
            yield client
        finally:
            if destroy:
                client.close()
    finally:
        if destroy:
            rclpy.try_shutdown()
