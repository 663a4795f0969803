"""What the bridge says of itself: its status, its health."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.commander import Situation
from myogestic_ros.msg import BridgeStatus
from myogestic_ros.nodes.bridge.command_loop import CommandLoop
from myogestic_ros.nodes.bridge.command_publisher import CommandPublisher

__all__ = ['bridge_status', 'health', 'sentence']


def sentence(situation: Situation, phase: str) -> str | None:
    """Return what to say of a situation that is new; None when nothing is to be said."""
    if situation.reason is not None and situation.reason.kind != 'deactivated':
        return f'To rest: {situation.reason.sentence}'
    if situation.state == BridgeStatus.COMMANDING:
        return 'Predictions move the hand.'
    if situation.state == BridgeStatus.DISARMED and phase == 'inactive':
        return 'Deactivated; the hand is at rest.'
    return None


def bridge_status(
    phase: str, message: str, arming: Arming, situation: Situation | None
) -> BridgeStatus:
    """Return the status message, but for its stamp.

    Parameters
    ----------
    phase : str
        Phase of the node.
    message : str
        What happened last.
    arming : Arming
        Whether commands may be sent.
    situation : Situation or None
        What the drive is doing, if there is one.
    """
    status = BridgeStatus(
        state=BridgeStatus.IDLE if phase == 'inactive' else phase,
        message=message,
        armed=arming.armed,
        stopped=arming.stopped,
    )
    if situation is not None:
        if phase == 'active' or situation.state == BridgeStatus.RESTING:
            status.state = situation.state
        status.commanding = situation.state == BridgeStatus.COMMANDING
        status.posture = situation.posture
        status.reason = situation.reason.kind if situation.reason is not None else ''
    if arming.stopped:
        status.state = BridgeStatus.STOPPED
        status.commanding = False
    return status


def health(
    phase: str,
    message: str,
    arming: Arming,
    drive: CommandLoop | None,
    writer: CommandPublisher | None,
) -> tuple[bytes, str, dict[str, str]]:
    """Return level, message and facts for /diagnostics; see `bridge_status`."""
    facts = {'state': phase, 'arming': arming.state}
    if drive is None or writer is None:
        return DiagnosticStatus.OK, message, facts
    situation = drive.situation
    trouble = situation.reason or drive.trouble()
    facts['doing'] = situation.state
    facts['posture'] = situation.posture
    facts['reason'] = trouble.sentence if trouble is not None else ''
    facts['listeners'] = str(writer.listeners)
    facts.update(drive.facts())
    if arming.stopped:
        return DiagnosticStatus.ERROR, 'Emergency stop; ~/reset ends it.', facts
    if not arming.armed:
        return DiagnosticStatus.OK, message, facts
    if trouble is not None:
        return DiagnosticStatus.WARN, f'To rest: {trouble.sentence}', facts
    if not writer.listeners:
        return DiagnosticStatus.WARN, f'Nobody listens to {writer.topic}.', facts
    return DiagnosticStatus.OK, message, facts
