"""Settings of the demo: nodes and their parameters, cues, playback speed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ['DemoSettings']

FASTEST = 16.0
FASTEST_RECORDING = 40.0
MOST_VALUES_HZ = 400e3
"""Largest number of values per second to record at a playback speed above `FASTEST`."""
FRAME_S = 0.05
"""Frame length of a recording that is recorded and not predicted, s."""


@dataclass(frozen=True)
class DemoSettings:
    """Settings of one demo.

    Attributes
    ----------
    out : Path
        Folder for sessions, models, logs and the report.
    data : Path or None
        Recording to replay; None: the synthetic source.
    class_names : tuple of str
        Classes to cue (synthetic source).
    repetitions : int
        Recorded repetitions of each class (synthetic source).
    hold_s : float
        Duration of each cue, s.
    predict_hz : float
        Predictions per second of signal.
    channels, sampling_rate : int, float
        Channel count and rate, Hz, of the synthetic source.
    replay : dict
        Parameters of the replay source that the user set, such as sampling rate and mapping.
    seconds : float
        Longest duration of each replay of a recording, s; the playback speed is raised to fit.
        With a hand, which moves in real time, predictions are played in real time.
    tests : int
        Predicted repetitions of each class (synthetic source).
    with_hand : bool
        Whether to run the bridge and the simulated hand.
    """

    out: Path
    data: Path | None = None
    class_names: tuple[str, ...] = ('rest', 'fist', 'open', 'pinch', 'point')
    repetitions: int = 3
    hold_s: float = 2.0
    predict_hz: float = 50.0
    channels: int = 8
    sampling_rate: float = 2000.0
    seed: int = 1
    replay: dict[str, Any] = field(default_factory=dict)
    seconds: float = 12.0
    tests: int = 2
    with_hand: bool = True

    @property
    def title(self) -> str:
        """Description of the source, for the report."""
        if self.data is None:
            return f'synthetic array, {self.channels} channels at {self.sampling_rate:g} Hz'
        return f'recording {self.data.name}'

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, in the order of their start."""
        own = ('driver', 'recorder', 'pipeline')
        return (*own, 'hand', 'bridge') if self.with_hand else own

    def driver(self) -> dict[str, Any]:
        """Return the parameters of the driver."""
        if self.data is None:
            return {
                'source': 'synthetic',
                'synthetic.channels': self.channels,
                'synthetic.sampling_rate': self.sampling_rate,
                'synthetic.class_names': list(self.class_names),
                'synthetic.seed': self.seed,
            }
        given = {f'replay.{name}': value for name, value in self.replay.items()}
        return {'source': 'replay', 'replay.path': str(self.data), **given}

    def recorder(self) -> dict[str, Any]:
        """Return the parameters of the recorder."""
        names = {'class_names': list(self.class_names)} if self.data is None else {}
        return {'session_dir': str(self.out / 'sessions'), 'protocol': 'demo', **names}

    def pipeline(self) -> dict[str, Any]:
        """Return the parameters of the pipeline."""
        return {
            'session_dir': str(self.out / 'sessions'),
            'model_dir': str(self.out / 'models'),
            'predict_hz': self.predict_hz,
        }

    def hand(self) -> dict[str, Any]:
        """Return the parameters of the hand."""
        return {}

    def bridge(self) -> dict[str, Any]:
        """Return the parameters of the bridge, which reads the joints from the hand node."""
        return {'controller': 'hand'}

    def cues(self) -> list[list[str]]:
        """Return the cues of each repetition: every class once, in random order."""
        order = random.Random(self.seed)
        rounds = []
        for _ in range(self.repetitions + self.tests):
            names = list(self.class_names)
            order.shuffle(names)
            rounds.append(names)
        return rounds

    def speed(self, duration_s: float, values_hz: float) -> float:
        """Return the playback speed while recording a part of the recording.

        Parameters
        ----------
        duration_s : float
            Length of the part, s.
        values_hz : float
            Samples of all channels per second of signal.
        """
        most = min(FASTEST_RECORDING, max(FASTEST, MOST_VALUES_HZ / values_hz))
        return float(min(most, max(1.0, round(duration_s / self.seconds))))

    def test_speed(self, duration_s: float) -> float:
        """Return the playback speed while predicting a part of the given length, s."""
        if self.with_hand:
            return 1.0
        return float(min(FASTEST, max(1.0, round(duration_s / self.seconds))))
