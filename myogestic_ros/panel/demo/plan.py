"""What the demo does: which nodes with which parameters, which cues, at which speed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ['Plan']

FASTEST = 16.0


@dataclass(frozen=True)
class Plan:
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
        How long the replay of a recording may take, each way, s; it is sped up to fit.
    """

    out: Path
    data: Path | None = None
    class_names: tuple[str, ...] = ('rest', 'fist', 'open', 'pinch', 'point')
    repetitions: int = 3
    hold_s: float = 2.5
    predict_hz: float = 50.0
    channels: int = 8
    sampling_rate: float = 2000.0
    seed: int = 1
    replay: dict[str, Any] = field(default_factory=dict)
    seconds: float = 30.0

    @property
    def title(self) -> str:
        """What it is about, for the report."""
        if self.data is None:
            return f'synthetic array, {self.channels} channels at {self.sampling_rate:g} Hz'
        return f'recording {self.data.name}'

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

    def cues(self) -> list[list[str]]:
        """Return the cues of each repetition: every class once, in an order of its own."""
        order = random.Random(self.seed)
        rounds = []
        for _ in range(self.repetitions + 1):
            names = list(self.class_names)
            order.shuffle(names)
            rounds.append(names)
        return rounds

    def speed(self, duration_s: float) -> float:
        """Return how many times faster than life a recording of that length is played."""
        return float(min(FASTEST, max(1.0, round(duration_s / self.seconds))))
