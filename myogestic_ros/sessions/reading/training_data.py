"""What sessions have in common, looked up before a training starts on them."""

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
    """Return the training data with rate, channels, class names and indices filled in.

    Parameters
    ----------
    data : TrainingData
        ``class_names`` names the classes to train on; empty: all that occur. Without labels
        there are none, and what is learnt is a stream of joint states.

    Raises
    ------
    TrainingError
        When the sessions do not go together, or hold no labels, or not the classes asked for.
    SessionError
        When one cannot be read.
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
            f'No training data: {_listed(sessions)} hold no labels; set some while recording '
            f'(recorder/set_label).'
        )
    wanted = set(data.class_names) or set(names.values())
    missing = sorted(wanted - set(names.values()))
    if missing:
        raise TrainingError(
            f'No training data for {", ".join(missing)}: the sessions hold '
            f'{", ".join(names[index] for index in sorted(names)) or "no labels"}.'
        )
    return replace(
        data,
        streams=streams,
        class_names=[
            names.get(index, f'class {index}') for index in range(max(names, default=-1) + 1)
        ],
        classes={index for index, name in names.items() if name in wanted},
    )


def _common_format(spec: StreamSpec, sessions: list[Session]) -> StreamSpec:
    """Return the spec with the rate and channels that the stream has in every session."""
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
        told = ', '.join(f"'{n}' {c} channels at {r:g} Hz" for n, (c, r) in formats.items())
        raise TrainingError(
            f"The sessions do not go together: stream '{spec.name}' has in {told}."
        )
    channels, rate = next(iter(formats.values()))
    return replace(spec, channels=channels, sampling_rate=rate)


def _listed(sessions: list[Session]) -> str:
    return ', '.join(f"'{session.name}'" for session in sessions)
