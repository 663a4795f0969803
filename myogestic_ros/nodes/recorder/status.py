"""How a recording is told of: when it goes on, and when it has ended."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticStatus

from myogestic_ros.sessions.recording.session_recorder import RecordingReport, SessionRecorder

__all__ = ['ended', 'health']


def ended(report: RecordingReport) -> str:
    """Return what there is to say of a recording that has ended."""
    if report.error:
        return report.error
    dropped = f', {report.dropped} dropped' if report.dropped else ''
    lost = f', {report.lost_samples} samples lost' if report.lost_samples else ''
    return (
        f'Recorded {report.path}: {report.messages} messages{dropped}{lost}, '
        f'{report.duration_s:.1f} s.'
    )


def health(recording: SessionRecorder, silent: Sequence[str]) -> tuple[bytes, str, dict[str, str]]:
    """Return level, message and facts of a recording that goes on; no message when all is well.

    ``silent`` are topics that were asked for and on which nothing has come so far.
    """
    dropped = sum(recording.dropped.values())
    lost = recording.losses.total
    facts = {
        'session': str(recording.path),
        'messages': str(recording.messages),
        'dropped': str(dropped),
        'lost samples': str(lost),
        'queue [%]': f'{recording.backlog * 100:.0f}',
        'not safe yet [s]': f'{recording.unsynced_s:.2f}',
    }
    if recording.error:
        return DiagnosticStatus.ERROR, recording.error, facts
    if recording.disk_warning or dropped:
        message = recording.disk_warning or 'The disk was too slow.'
        message += f' {dropped} messages have been dropped.' if dropped else ''
        return DiagnosticStatus.WARN, message, facts
    if lost:
        message = f'{lost} samples were lost before they came here.'
        return DiagnosticStatus.WARN, message, facts
    if silent:
        return DiagnosticStatus.WARN, f'Nothing has come on {", ".join(silent)} so far.', facts
    return DiagnosticStatus.OK, '', facts
