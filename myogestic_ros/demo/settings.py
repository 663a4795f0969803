"""What the demo does: which nodes with which parameters, which cues, at which speed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ['DemoSettings']

FASTEST = 16.0
FASTEST_RECORDING = 40.0
MOST_VALUES_HZ = 400e3
"""So many values a second may be recorded when a recording is sped up beyond `FASTEST`."""
FRAME_S = 0.05
"""Length of the frames of a recording that is only recorded."""


@dataclass(frozen=True)
class DemoSettings:
    """Settings of one demo.

    Attributes
    ----------
    out : Path
        Folder for sessions, models, logs and the report.
    data : Path or None
        A recording to replay; None: the synthetic array.
    class_names : tuple of str
        Classes that are cued (synthetic array).
    repetitions : int
        Repetitions of each class that are recorded (synthetic array).
    hold_s : float
        How long each cue lasts, s.
    predict_hz : float
        Predictions per second of signal.
    channels, sampling_rate : int, float
        The synthetic array; rate in Hz.
    replay : dict
        Parameters of the replay source, as given by the user (rate, scale, mapping …).
    seconds : float
        How long the replay of a recording may take, each way, s; it is sped up to fit. With a
        hand, which moves as fast as it does, what is predicted is played at true speed.
    tests : int
        Repetitions of each class that are predicted (synthetic array).
    with_hand : bool
        Whether there are a bridge and a simulated hand.
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
        """What it is about, for the report."""
        if self.data is None:
            return f'synthetic array, {self.channels} channels at {self.sampling_rate:g} Hz'
        return f'recording {self.data.name}'

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, in the order in which they are started."""
        own = ('driver', 'recorder', 'pipeline')
        return (*own, 'hand', 'bridge') if self.with_hand else own

    def driver(self) -> dict[str, Any]:
        """Return the driver's parameters."""
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
        """Return the recorder's parameters."""
        names = {'class_names': list(self.class_names)} if self.data is None else {}
        return {'session_dir': str(self.out / 'sessions'), 'protocol': 'demo', **names}

    def pipeline(self) -> dict[str, Any]:
        """Return the pipeline's parameters."""
        return {
            'session_dir': str(self.out / 'sessions'),
            'model_dir': str(self.out / 'models'),
            'predict_hz': self.predict_hz,
        }

    def hand(self) -> dict[str, Any]:
        """Return the hand's parameters."""
        return {}

    def bridge(self) -> dict[str, Any]:
        """Return the bridge's parameters: it asks the hand for its joints."""
        return {'controller': 'hand'}

    def cues(self) -> list[list[str]]:
        """Return the cues of each repetition: every class once, in an order of its own."""
        order = random.Random(self.seed)
        rounds = []
        for _ in range(self.repetitions + self.tests):
            names = list(self.class_names)
            order.shuffle(names)
            rounds.append(names)
        return rounds

    def speed(self, duration_s: float, values_hz: float) -> float:
        """Return how many times faster than life a part is recorded.

        Parameters
        ----------
        duration_s : float
            Its length, s.
        values_hz : float
            Samples of all channels in a second of it.
        """
        most = min(FASTEST_RECORDING, max(FASTEST, MOST_VALUES_HZ / values_hz))
        return float(min(most, max(1.0, round(duration_s / self.seconds))))

    def test_speed(self, duration_s: float) -> float:
        """Return how many times faster than life a part of that length, s, is predicted."""
        if self.with_hand:
            return 1.0
        return float(min(FASTEST, max(1.0, round(duration_s / self.seconds))))
