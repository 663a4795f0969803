"""A recorder in another process, driven by its services, never waited for."""

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

Then = Callable[[bool, str], None]

LOOK_EVERY_S = 0.25
ASK_AGAIN_S = 1.0
"""An answer may get lost when its sender has only just been found."""
FOUND_WITHIN_S = 5.0
"""So long what a recorder is may be unknown to a node, or have changed without its knowledge: two
processes that have just started may take 3 s to find one another."""
ANSWER_WITHIN_S = 6.0
VANISHED_AFTER_S = 5.0
"""A recorder that answers no question for so long is gone; a busy machine takes its time."""


class RecorderClient:
    """Start and stop recordings, and see that one goes on.

    Parameters
    ----------
    node : Node
        Whose executor hears the answers.
    name : str
        The recorder's name, relative to the node's namespace.
    on_lost : callable
        Called with a sentence when a recording that was started has ended by itself, or nobody
        knows.

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
        self._state = 'idle'  # finding, setting, starting, recording, stopping
        self._then: Then = lambda done, message: None
        self._wanted: list[Any] = []
        self._status: NodeStatus | None = None
        self._known_s = time.monotonic()  # since when it is so, whatever it is
        self._asked_s = self._began_s = self._heard_s = 0.0
        client = node.create_client
        self._set = client(SetParameters, f'{name}/set_parameters')
        self._start = client(Trigger, f'{name}/start_recording')
        self._stop = client(Trigger, f'{name}/stop_recording')
        self._ask = client(GetState, f'{name}/get_state')
        self._heard = node.create_subscription(
            NodeStatus, f'{name}/status', self._on_status, qos.STATUS
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(LOOK_EVERY_S, self._look, clock=steady)

    def close(self) -> None:
        """Leave the graph."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._heard)
        for client in (self._set, self._start, self._stop, self._ask):
            self._node.destroy_client(client)

    def check(self) -> None:
        """Refuse to start when it is clear that it could not be done.

        Raises
        ------
        StateError
            When there is no recorder, or it has not been idle for a while.
        """
        reason = self._why_not()
        if reason and time.monotonic() - self._known_s > FOUND_WITHIN_S:
            raise StateError(reason)

    def _why_not(self) -> str:
        """Return why a recording cannot be started now, as far as it is known; '' when it can."""
        services = (self._set, self._start, self._stop, self._ask)
        if not all(client.service_is_ready() for client in services):
            return (
                f"There is no recorder '{self._name}': start it, or set the parameter recorder to "
                f"'' to give cues without recording."
            )
        if self._status is not None and self._status.state != 'idle':
            hint = 'stop it' if self._status.state == 'recording' else 'configure it'
            return (
                f"The recorder '{self._name}' is '{self._status.state}', expected 'idle': {hint} "
                f'first.'
            )
        return ''

    def start(self, parameters: Mapping[str, Any], then: Then) -> None:
        """Set parameters of the recorder and start a recording.

        ``then(started, message)`` is called from the executor.
        """
        self.session = ''
        self._wanted = _messages(parameters)
        self._begin('finding', then)

    def set(self, parameters: Mapping[str, Any]) -> None:
        """Set parameters of the recorder, whatever it says to it."""
        self._set.call_async(SetParameters.Request(parameters=_messages(parameters)))

    def stop(self, then: Then) -> None:
        """Stop the recording; ``then(stopped, message)`` is called from the executor."""
        if self._state in ('idle', 'finding', 'setting'):
            self._state = 'idle'
            then(True, '')
        elif self._state == 'starting':  # not before it has been answered, or it would go on
            self._then = lambda started, message: (
                self._begin('stopping', then) if started else then(True, '')
            )
        else:
            self._begin('stopping', then)

    def _begin(self, state: str, then: Then) -> None:
        self._then = then
        self._enter(state)

    def _enter(self, state: str) -> None:
        self._state = state
        self._began_s = self._heard_s = time.monotonic()
        self._send()

    def _send(self, *, again: bool = False) -> None:
        """Say what is to be said in this state.

        Of what is said again a refusal means nothing: it was heard the first time.
        """
        self._asked_s = time.monotonic()
        state = self._state
        if state == 'finding':
            if not self._why_not():
                self._enter('setting')
        elif state == 'setting' and self._wanted:
            future = self._set.call_async(SetParameters.Request(parameters=self._wanted))
            future.add_done_callback(self._on_set)
        elif state == 'setting':
            self._enter('starting')
        elif state == 'starting':
            future = self._start.call_async(Trigger.Request())
            future.add_done_callback(self._answered(state, self._started, again))
        elif state == 'stopping':
            future = self._stop.call_async(Trigger.Request())
            future.add_done_callback(self._answered(state, self._stopped, again))
        else:
            self._ask.call_async(GetState.Request()).add_done_callback(self._on_state)

    # -- what is heard ------------------------------------------------------------------------

    def _on_set(self, future: Any) -> None:
        if self._state != 'setting' or future.result() is None:
            return
        for wanted, result in zip(self._wanted, future.result().results, strict=False):
            if not result.successful:
                self._node.get_logger().warning(
                    f"The recorder '{self._name}' did not take {wanted.name}: {result.reason}"
                )
        self._enter('starting')

    def _answered(self, state: str, then: Then, again: bool) -> Callable[[Any], None]:
        def hear(future: Any) -> None:
            response = future.result()
            if self._state == state and response is not None and (response.success or not again):
                then(response.success, response.message)

        return hear

    def _started(self, success: bool, message: str) -> None:
        found = re.search(r'Recording (.+)\.$', message)
        self.session = found[1] if success and found else ''
        if success:
            self._enter('recording')
        else:
            self._state = 'idle'
        self._then(success, message)

    def _stopped(self, success: bool, message: str) -> None:
        self._state = 'idle'
        self._then(success, message)

    def _on_state(self, future: Any) -> None:
        response = future.result()
        if response is None or self._state != 'recording':
            return
        self._heard_s = time.monotonic()
        if response.current_state.id != State.PRIMARY_STATE_ACTIVE:
            self._lost(f"the recorder is '{response.current_state.label}'")

    def _on_status(self, message: NodeStatus) -> None:
        self._status, self._known_s = message, time.monotonic()
        if self._state == 'starting' and message.state == 'recording':
            self._started(True, message.message)
        elif self._state == 'stopping' and message.state != 'recording':
            self._stopped(True, message.message)
        elif self._state == 'recording' and message.state != 'recording':
            self._lost(message.message or f"the recorder is '{message.state}'")

    def _lost(self, reason: str) -> None:
        self._state = 'idle'
        self._on_lost(f'The recording has ended: {reason}')

    def _look(self) -> None:
        """Ask again what was not answered, and give up in the end."""
        if self._state == 'idle':
            return
        now_s = time.monotonic()
        if self._state == 'recording':
            if now_s - self._heard_s > VANISHED_AFTER_S:
                self._stop.call_async(Trigger.Request())  # should it wake up again
                self._status = None  # it says nothing of the next one
                self._lost(f"the recorder '{self._name}' does not answer any more.")
        elif self._state == 'finding':
            self._send()
            if self._state == 'finding' and now_s - self._began_s > FOUND_WITHIN_S:
                self._state = 'idle'
                self._then(False, self._why_not())
        elif now_s - self._began_s > ANSWER_WITHIN_S:
            self._state = 'idle'
            self._then(False, f"The recorder '{self._name}' did not answer.")
        if self._state not in ('idle', 'finding') and now_s - self._asked_s > ASK_AGAIN_S:
            self._send(again=True)


def _messages(parameters: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()]
