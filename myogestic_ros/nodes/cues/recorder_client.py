"""Asynchronous client of a recorder in another process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import SetParameters
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from myogestic_ros.core.errors import StateError
from myogestic_ros.msg import NodeStatus
from myogestic_ros.nodes.common import qos

__all__ = ['RecorderClient']

OnResult = Callable[[bool, str], None]

CHECK_INTERVAL_S = 0.25
RETRY_INTERVAL_S = 1.0
"""Time after which a request is repeated: a response may get lost during discovery."""
DISCOVERY_TIMEOUT_S = 5.0
"""Longest time to discover a recorder or a change of its state; two new processes may take 3 s."""
RESPONSE_TIMEOUT_S = 6.0
ALIVE_TIMEOUT_S = 5.0
"""Time without a response after which a recording counts as lost; long, for busy machines."""


class RecorderClient:
    """Start, stop and monitor recordings.

    Parameters
    ----------
    node : Node
        Node whose executor calls the callbacks.
    name : str
        Name of the recorder, relative to the node's namespace.
    on_lost : callable
        Called with a message when a running recording ended without `stop`, or the recorder does
        not respond.

    Attributes
    ----------
    session : str
        Folder of the latest session; empty before the first.
    """

    def __init__(self, node: Node, name: str, on_lost: Callable[[str], None]) -> None:
        self.session = ''
        self._node = node
        self._name = name
        self._on_lost = on_lost
        self._state = 'idle'  # discovering, configuring, starting, recording, stopping
        self._on_result: OnResult = lambda success, message: None
        self._parameters: list[Any] = []
        self._status: NodeStatus | None = None
        self._status_s = time.monotonic()  # arrival of the status
        self._request_s = self._state_s = self._alive_s = 0.0
        client = node.create_client
        self._set_parameters_client = client(SetParameters, f'{name}/set_parameters')
        self._start_client = client(Trigger, f'{name}/start_recording')
        self._stop_client = client(Trigger, f'{name}/stop_recording')
        self._state_client = client(GetState, f'{name}/get_state')
        self._clients = (
            self._set_parameters_client,
            self._start_client,
            self._stop_client,
            self._state_client,
        )
        self._status_subscription = node.create_subscription(
            NodeStatus, f'{name}/status', self._on_status, qos.STATUS
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(CHECK_INTERVAL_S, self._check_timeouts, clock=steady)

    def close(self) -> None:
        """Destroy the clients and the subscription."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._status_subscription)
        for client in self._clients:
            self._node.destroy_client(client)

    def check(self) -> None:
        """Raise an error if a recording cannot be started.

        Raises
        ------
        StateError
            If there is no recorder, or it has not been idle for the discovery timeout.
        """
        reason = self._not_ready_reason()
        if reason and time.monotonic() - self._status_s > DISCOVERY_TIMEOUT_S:
            raise StateError(reason)

    def _not_ready_reason(self) -> str:
        """Return why a recording cannot be started now; '' if it can."""
        if not all(client.service_is_ready() for client in self._clients):
            return (
                f"There is no recorder '{self._name}': start it, or set the parameter recorder to "
                f"'' to run protocols without recording."
            )
        if self._status is not None and self._status.state != 'idle':
            hint = 'stop it' if self._status.state == 'recording' else 'configure it'
            return (
                f"The recorder '{self._name}' is '{self._status.state}', expected 'idle': {hint} "
                f'first.'
            )
        return ''

    def start(self, parameters: Mapping[str, Any], on_result: OnResult) -> None:
        """Set parameters of the recorder and start a recording.

        Parameters
        ----------
        parameters : mapping
            Values by name; a refused value is logged.
        on_result : callable
            Called from the executor with True if the recording started, and a message.
        """
        self.session = ''
        self._parameters = _to_messages(parameters)
        self._begin('discovering', on_result)

    def set_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Set parameters of the recorder without waiting for the response."""
        self._set_parameters_client.call_async(
            SetParameters.Request(parameters=_to_messages(parameters))
        )

    def stop(self, on_result: OnResult) -> None:
        """Stop the recording; call ``on_result(stopped, message)`` from the executor."""
        if self._state in ('idle', 'discovering', 'configuring'):
            self._state = 'idle'
            on_result(True, '')
        elif self._state == 'starting':  # stop after the response, or the recording would go on
            self._on_result = lambda started, message: (
                self._begin('stopping', on_result) if started else on_result(True, '')
            )
        else:
            self._begin('stopping', on_result)

    def _begin(self, state: str, on_result: OnResult) -> None:
        self._on_result = on_result
        self._enter(state)

    def _enter(self, state: str) -> None:
        self._state = state
        self._state_s = self._alive_s = time.monotonic()
        self._send_request()

    def _send_request(self, *, repeated: bool = False) -> None:
        """Send the request of the current state.

        The refusal of a repeated request is ignored: the first one was received, too.
        """
        self._request_s = time.monotonic()
        state = self._state
        if state == 'discovering':
            if not self._not_ready_reason():
                self._enter('configuring')
        elif state == 'configuring' and self._parameters:
            future = self._set_parameters_client.call_async(
                SetParameters.Request(parameters=self._parameters)
            )
            future.add_done_callback(self._on_parameters_set)
        elif state == 'configuring':
            self._enter('starting')
        elif state == 'starting':
            future = self._start_client.call_async(Trigger.Request())
            future.add_done_callback(self._response_callback(self._on_started, repeated))
        elif state == 'stopping':
            future = self._stop_client.call_async(Trigger.Request())
            future.add_done_callback(self._response_callback(self._on_stopped, repeated))
        else:
            self._state_client.call_async(GetState.Request()).add_done_callback(self._on_state)

    # -- responses ----------------------------------------------------------------------------

    def _on_parameters_set(self, future: Any) -> None:
        if self._state != 'configuring' or future.result() is None:
            return
        for parameter, result in zip(self._parameters, future.result().results, strict=False):
            if not result.successful:
                self._node.get_logger().warning(
                    f"The recorder '{self._name}' refused the parameter {parameter.name}: "
                    f'{result.reason}'
                )
        self._enter('starting')

    def _response_callback(self, on_response: OnResult, repeated: bool) -> Callable[[Any], None]:
        """Return a callback for the response to a request of the current state."""
        state = self._state

        def on_done(future: Any) -> None:
            response = future.result()
            if self._state != state or response is None:
                return
            if response.success or not repeated:
                on_response(response.success, response.message)

        return on_done

    def _on_started(self, success: bool, message: str) -> None:
        found = re.search(r'Recording (.+)\.$', message)
        self.session = found[1] if success and found else ''
        if success:
            self._enter('recording')
        else:
            self._state = 'idle'
        self._on_result(success, message)

    def _on_stopped(self, success: bool, message: str) -> None:
        self._state = 'idle'
        self._on_result(success, message)

    def _on_state(self, future: Any) -> None:
        response = future.result()
        if response is None or self._state != 'recording':
            return
        self._alive_s = time.monotonic()
        if response.current_state.id != State.PRIMARY_STATE_ACTIVE:
            self._on_recording_lost(f"the recorder is '{response.current_state.label}'")

    def _on_status(self, message: NodeStatus) -> None:
        self._status, self._status_s = message, time.monotonic()
        if self._state == 'starting' and message.state == 'recording':
            self._on_started(True, message.message)
        elif self._state == 'stopping' and message.state != 'recording':
            self._on_stopped(True, message.message)
        elif self._state == 'recording' and message.state != 'recording':
            self._on_recording_lost(message.message or f"the recorder is '{message.state}'")

    def _on_recording_lost(self, reason: str) -> None:
        self._state = 'idle'
        self._on_lost(f'The recording ended: {reason}')

    def _check_timeouts(self) -> None:
        """Repeat requests without a response, and give up after the timeout."""
        if self._state == 'idle':
            return
        now_s = time.monotonic()
        if self._state == 'recording':
            if now_s - self._alive_s > ALIVE_TIMEOUT_S:
                self._stop_client.call_async(Trigger.Request())  # in case it responds again
                self._status = None  # obsolete for the next recorder
                self._on_recording_lost(f"the recorder '{self._name}' does not respond.")
        elif self._state == 'discovering':
            self._send_request()
            if self._state == 'discovering' and now_s - self._state_s > DISCOVERY_TIMEOUT_S:
                self._state = 'idle'
                self._on_result(False, self._not_ready_reason())
        elif now_s - self._state_s > RESPONSE_TIMEOUT_S:
            self._state = 'idle'
            self._on_result(False, f"The recorder '{self._name}' did not respond.")
        if (
            self._state not in ('idle', 'discovering')
            and now_s - self._request_s > RETRY_INTERVAL_S
        ):
            self._send_request(repeated=True)


def _to_messages(parameters: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()]
