"""Status message and diagnostics of a recording."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticStatus

from myogestic_ros.sessions.recording.session_recorder import (
    MAX_MESSAGE_BYTES,
    RecordingReport,
    SessionRecorder,
)

__all__ = ['diagnostics', 'final_message']


def final_message(report: RecordingReport) -> str:
    """Return the status message after a recording."""
    if report.error:
        return report.error
    dropped = f', {report.dropped} dropped' if report.dropped else ''
    lost = f', {report.lost_samples} samples lost' if report.lost_samples else ''
    return (
        f'Recorded {report.path}: {report.messages} messages{dropped}{lost}, '
        f'{report.duration_s:.1f} s.'
    )


def diagnostics(
    recording: SessionRecorder, silent: Sequence[str]
) -> tuple[bytes, str, dict[str, str]]:
    """Return level, message and values for /diagnostics; the message is empty without a warning.

    Parameters
    ----------
    recording : SessionRecorder
        The running recording.
    silent : sequence of str
        Expected topics without a message since the start of the recording.
    """
    dropped = sum(recording.dropped.values())
    lost = recording.losses.total
    info = {
        'session': str(recording.path),
        'messages': str(recording.messages),
        'dropped': str(dropped),
        'lost samples': str(lost),
        'queue [%]': f'{recording.backlog * 100:.0f}',
        'not synced [s]': f'{recording.unsynced_s:.2f}',
    }
    if recording.error:
        return DiagnosticStatus.ERROR, recording.error, info
    oversized = sum(recording.oversized.values())
    if oversized:
        message = (
            f'{oversized} messages on {", ".join(sorted(recording.oversized))} were larger than '
            f'{MAX_MESSAGE_BYTES // 2**20} MiB and have been dropped.'
        )
        return DiagnosticStatus.WARN, message, info
    if recording.disk_warning or dropped:
        message = recording.disk_warning or 'The disk was too slow.'
        message += f' {dropped} messages have been dropped.' if dropped else ''
        return DiagnosticStatus.WARN, message, info
    if lost:
        message = f'{lost} samples were lost before they reached the recorder.'
        return DiagnosticStatus.WARN, message, info
    if silent:
        return DiagnosticStatus.WARN, f'No messages received on {", ".join(silent)} yet.', info
    return DiagnosticStatus.OK, '', info
