"""Services of the bridge node: arming and emergency stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from std_srvs.srv import Trigger

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.reason import Reason
from myogestic_ros.core.errors import MyoGesticError, StateError
from myogestic_ros.nodes.bridge.command_loop import CommandLoop
from myogestic_ros.nodes.bridge.emergency_stop import EmergencyStopTopic

__all__ = ['BridgeServices', 'disarmed_message']


def disarmed_message(state: str) -> str:
    """Return the status message of a bridge that can be armed."""
    return f'{state} Disarmed: no commands are sent until ~/arm is called.'


class Bridge(Protocol):
    """The parts of a bridge node that its services use."""

    lifecycle_state: str
    arming: Arming

    @property
    def sending_loop(self) -> CommandLoop | None:
        """The command loop that may send commands."""

    @property
    def stop_topic(self) -> EmergencyStopTopic | None:
        """The topic of the emergency stop; None if it is switched off."""

    def check_conflict(self) -> Reason | None:
        """Return the conflict with another node that commands the hand; None without one."""

    def controller_incompatibility(self) -> str | None:
        """Return why the controller does not accept the commands; None if it does."""

    def set_status(self, message: str) -> None:
        """Set the status message and publish the status."""

    def get_logger(self) -> Any:
        """Return the logger of the node."""

    def create_service(self, srv_type: Any, srv_name: str, callback: Callable[..., Any]) -> Any:
        """Create a service of the node."""


class BridgeServices:
    """Offer the services of a bridge node, in each of its lifecycle states.

    Parameters
    ----------
    bridge : Bridge
        The node.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        for name, action in (
            ('arm', self._arm),
            ('disarm', self._disarm),
            ('reset', self._reset),
        ):
            bridge.create_service(Trigger, f'~/{name}', partial(self._respond, action))

    def _respond(
        self, action: Callable[[], str], request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        logger = self._bridge.get_logger()
        try:
            response.message = action()
            response.success = True
            logger.info(response.message)
        except MyoGesticError as error:
            response.message = str(error)
            logger.warning(response.message)
        self._bridge.set_status(response.message)
        return response

    def stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Respond to a request of ``~/emergency_stop``; may be called from any thread."""
        return self._respond(self._stop, request, response)

    def _arm(self) -> str:
        state, loop = self._bridge.lifecycle_state, self._bridge.sending_loop
        if state != 'active' or loop is None:
            hint = 'activate' if state == 'inactive' else 'configure and activate'
            raise StateError(
                f"Cannot arm: the node is '{state}', expected 'active'; {hint} it first."
            )
        incompatibility = self._bridge.controller_incompatibility()
        if incompatibility is not None:
            raise StateError(f'Cannot arm: {incompatibility}.')
        self._bridge.check_conflict()  # refused by the commander
        loop.arm()
        return 'Armed: predictions move the hand.'

    def _disarm(self) -> str:
        arming, loop = self._bridge.arming, self._bridge.sending_loop
        if loop is not None:
            loop.disarm()
        arming.disarm()
        return 'Disarmed; the emergency stop stays active.' if arming.stopped else 'Disarmed.'

    def _stop(self) -> str:
        self._hold()
        stop_topic, conflict = self._bridge.stop_topic, self._bridge.check_conflict()
        if stop_topic is not None:
            stop_topic.stop()
        if conflict is not None:
            return (
                'Emergency stop: this bridge holds the position, and other bridges are stopped on '
                f'their topic; the hand may still be moved. {conflict.message}'
            )
        return 'Emergency stop: the hand holds its position until ~/reset is called.'

    def _hold(self) -> None:
        loop = self._bridge.sending_loop
        if loop is not None:
            loop.stop()
        self._bridge.arming.stop()

    def on_emergency_stop(self) -> None:
        """Stop because of a message on the topic of the emergency stop."""
        if self._bridge.arming.stopped:
            return
        self._hold()
        message = 'Emergency stop from another node: the hand holds its position until ~/reset is called.'
        self._bridge.get_logger().warning(message)
        self._bridge.set_status(message)

    def _reset(self) -> str:
        loop = self._bridge.sending_loop
        if loop is not None:
            loop.reset()
        else:
            self._bridge.arming.reset()
        if self._bridge.stop_topic is not None:
            self._bridge.stop_topic.reset()
        return disarmed_message('Emergency stop reset.')
