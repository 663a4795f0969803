"""Status and diagnostics of the bridge node."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticStatus

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.commander import CommanderState
from myogestic_ros.msg import BridgeStatus
from myogestic_ros.nodes.bridge.command_loop import CommandLoop
from myogestic_ros.nodes.bridge.command_publisher import CommandPublisher

__all__ = ['bridge_status', 'diagnostics', 'state_message']


def state_message(state: CommanderState, lifecycle_state: str) -> str | None:
    """Return the status message for a new state; None to keep the current message."""
    if state.reason is not None and state.reason.kind != 'deactivated':
        return f'Resting: {state.reason.message}'
    if state.name == BridgeStatus.COMMANDING:
        return 'Predictions move the hand.'
    if state.name == BridgeStatus.DISARMED and lifecycle_state == 'inactive':
        return 'Deactivated; the hand is at rest.'
    return None


def bridge_status(
    lifecycle_state: str, message: str, arming: Arming, state: CommanderState | None
) -> BridgeStatus:
    """Return the status message without its stamp.

    Parameters
    ----------
    lifecycle_state : str
        Lifecycle state of the node.
    message : str
        Status message.
    arming : Arming
        Arming state.
    state : CommanderState or None
        State of the commander; None while the node is not configured.
    """
    status = BridgeStatus(
        state=BridgeStatus.IDLE if lifecycle_state == 'inactive' else lifecycle_state,
        message=message,
        armed=arming.armed,
        stopped=arming.stopped,
    )
    if state is not None:
        if lifecycle_state == 'active' or state.name == BridgeStatus.RESTING:
            status.state = state.name
        status.commanding = state.name == BridgeStatus.COMMANDING
        status.posture = state.posture
        status.reason = state.reason.kind if state.reason is not None else ''
    if arming.stopped:
        status.state = BridgeStatus.STOPPED
        status.commanding = False
    return status


def diagnostics(
    lifecycle_state: str,
    message: str,
    arming: Arming,
    loop: CommandLoop | None,
    publisher: CommandPublisher | None,
) -> tuple[bytes, str, dict[str, str]]:
    """Return level, message and values for /diagnostics; see `bridge_status`."""
    info = {'state': lifecycle_state, 'arming': arming.state}
    if loop is None or publisher is None:
        return DiagnosticStatus.OK, message, info
    state = loop.state
    with loop.locked() as commander:
        now_s = time.monotonic()
        current = commander.watchdog.reason(now_s) or commander.hand_reason(now_s)
    reason = state.reason or current
    info['bridge state'] = state.name
    info['posture'] = state.posture
    info['reason'] = reason.message if reason is not None else ''
    info['subscribers'] = str(publisher.subscriber_count)
    info.update(loop.statistics())
    if arming.stopped:
        return DiagnosticStatus.ERROR, 'Emergency stop active; call ~/reset to end it.', info
    if not arming.armed:
        return DiagnosticStatus.OK, message, info
    if reason is not None:
        return DiagnosticStatus.WARN, f'Resting: {reason.message}', info
    if not publisher.subscriber_count:
        return DiagnosticStatus.WARN, f'No subscriber on {publisher.topic}.', info
    return DiagnosticStatus.OK, message, info
