"""Complete the training data with stream formats and classes of its sessions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.sessions.reading.reader import Session

__all__ = ['complete_training_data']


def complete_training_data(data: TrainingData) -> TrainingData:
    """Return training data with stream formats, class names and class indices of its sessions.

    Parameters
    ----------
    data : TrainingData
        ``class_names`` are the classes to train on; empty for all recorded classes. Sessions
        without labels are accepted if they have a JointState stream as target.

    Returns
    -------
    TrainingData
        Copy with ``streams`` (number of channels, sampling rate in Hz), ``class_names`` (by class
        index) and ``classes`` (class indices to train on).

    Raises
    ------
    TrainingError
        If there are no sessions, if their streams have different formats, if they have no labels,
        or if a class has no labels.
    SessionError
        If a session cannot be read.
    """
    if data.is_empty:
        raise TrainingError('No training data: record a session or name one first.')
    sessions = [Session(Path(path)) for path in data.paths]
    streams = [_common_format(spec, sessions) for spec in data.streams]
    names: dict[int, str] = {}
    for session in sessions:
        for label in session.labels():
            if label.index != NO_CLASS:
                names.setdefault(label.index, label.name or f'class {label.index}')
    if not names and not any(session.has_joint_states for session in sessions):
        raise TrainingError(
            f'No training data: {_quoted_names(sessions)} without labels; set labels while '
            f'recording (recorder/set_label).'
        )
    selected = set(data.class_names) or set(names.values())
    missing = sorted(selected - set(names.values()))
    if missing:
        raise TrainingError(
            f'No training data for {", ".join(missing)}: the sessions have '
            f'{", ".join(names[index] for index in sorted(names)) or "no labels"}.'
        )
    return replace(
        data,
        streams=streams,
        class_names=[
            names.get(index, f'class {index}') for index in range(max(names, default=-1) + 1)
        ],
        classes={index for index, name in names.items() if name in selected},
    )


def _common_format(spec: StreamSpec, sessions: list[Session]) -> StreamSpec:
    """Return the spec with the sampling rate and number of channels in all sessions."""
    formats = {}
    for session in sessions:
        chunk = next(session.chunks(spec.name, spec.sampling_rate), None)
        if chunk is None:
            raise TrainingError(
                f"No training data: session '{session.name}' has no samples of stream "
                f"'{spec.name}'."
            )
        formats[session.name] = (chunk.n_channels, chunk.sampling_rate)
    if len(set(formats.values())) > 1:
        formats_text = ', '.join(
            f"{c} channels at {r:g} Hz in '{n}'" for n, (c, r) in formats.items()
        )
        raise TrainingError(
            f"Stream '{spec.name}' has different formats: {formats_text}; train only on sessions "
            f'with the same format.'
        )
    channels, rate = next(iter(formats.values()))
    return replace(spec, channels=channels, sampling_rate=rate)


def _quoted_names(sessions: list[Session]) -> str:
    return ', '.join(f"'{session.name}'" for session in sessions)
