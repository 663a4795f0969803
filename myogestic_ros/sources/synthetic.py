"""Simulated electrode array on an arm that follows the label in force."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter, check_values, defaults
from myogestic_ros.core.signals import Chunk, Label, Samples, StreamInfo, sample_time_ns
from myogestic_ros.sources.pacing import Pacer
from myogestic_ros.sources.semg import N_SOURCES, ActivationPatterns, BandNoise

__all__ = ['Synthetic']

NOISE_TABLE = 2**17
"""Number of precomputed noise samples. Each chunk reads from a random offset, which takes a tenth
of the time of drawing new noise."""


class Synthetic:
    """Simulate the surface EMG of an arm that contracts as the label in force asks.

    Parameters
    ----------
    values : mapping
        Values of `PARAMETERS` by name. Missing ones have their defaults.
    pacer : Pacer, optional
        Clock that determines when chunks are returned.

    Raises
    ------
    SourceError
        If a value is invalid.
    """

    PARAMETERS = (
        Parameter('channels', 8, 'Number of channels.', minimum=1, maximum=512),
        Parameter(
            'sampling_rate', 2000.0, 'Sampling frequency, Hz.', minimum=10.0, maximum=100000.0
        ),
        Parameter(
            'chunk', 0, 'Samples per frame; 0: 10 ms of signal.', minimum=0, maximum=1000000
        ),
        Parameter(
            'class_names',
            ['rest', 'fist', 'open', 'pinch', 'point', 'flexion', 'extension'],
            "Names of the simulated classes; 'rest' is no contraction.",
        ),
        Parameter('seed', 1, 'Seed of the simulated arm.', minimum=0, maximum=2**31 - 1),
        Parameter(
            'amplitude',
            100e-6,
            'RMS amplitude of a full contraction, V.',
            minimum=0.0,
            maximum=1.0,
        ),
        Parameter(
            'noise', 5e-6, 'RMS amplitude of the electrode noise, V.', minimum=0.0, maximum=1.0
        ),
        Parameter(
            'mains', 1e-6, 'Amplitude of the mains interference, V.', minimum=0.0, maximum=1.0
        ),
        Parameter('mains_frequency', 50.0, 'Mains frequency, Hz.', minimum=1.0, maximum=400.0),
        Parameter(
            'reaction_time',
            0.2,
            'Delay from a label to the onset of the contraction, s.',
            minimum=0.0,
            maximum=10.0,
        ),
        Parameter(
            'rise_time',
            0.15,
            'Time constant of contraction onset and end, s.',
            minimum=0.0,
            maximum=10.0,
        ),
        Parameter(
            'grid_rows',
            1,
            'Rows of electrodes along the arm. Channels are numbered row by row.',
            minimum=1,
            maximum=512,
        ),
        Parameter(
            'grid_columns',
            0,
            'Electrodes per row; 0: channels divided by rows.',
            minimum=0,
            maximum=512,
        ),
    )

    def __init__(self, values: Mapping[str, Any], pacer: Pacer | None = None) -> None:
        errors = check_values(self.PARAMETERS, values)
        if errors:
            raise SourceError(f'Invalid parameters of the synthetic source: {"; ".join(errors)}.')
        self._values = {**defaults(self.PARAMETERS), **values}
        self._rate = float(self._values['sampling_rate'])
        self._channels = int(self._values['channels'])
        self._chunk = int(self._values['chunk']) or max(1, round(self._rate / 100))
        self._names = [name for name in self._values['class_names'] if name]
        self._rows = min(int(self._values['grid_rows']), self._channels)
        columns = int(self._values['grid_columns'])
        if columns and self._values['grid_rows'] * columns != self._channels:
            raise SourceError(
                f'Invalid parameters of the synthetic source: got {self._values["grid_rows"]} rows of '
                f'{columns} electrodes, expected {self._channels} electrodes in total (parameter channels).'
            )
        self._pacer = pacer or Pacer()
        self.origin_s = 0.0
        self._label = ''

    def open(self) -> StreamInfo:
        """Start at sample 0, with the arm at rest."""
        values = self._values
        rng = np.random.default_rng(values['seed'])
        rows = self._rows
        patterns = ActivationPatterns(self._channels, self._names, values['seed'], rows)
        self._active = [name for name in self._names if name in patterns.mixing]
        stacked = [patterns.mixing[name] for name in self._active]
        self._mixing: Samples = (
            np.concatenate(stacked) if stacked else np.zeros((0, self._channels), np.float32)
        )
        self._sources = BandNoise(max(1, len(self._mixing)), self._rate, rng)
        self._table: Samples = rng.standard_normal(NOISE_TABLE, np.float32) * values['noise']
        self._gain = 1.0 + 0.1 * rng.standard_normal(self._channels).astype(np.float32)
        self._hum = rng.uniform(0.5, 1.0, self._channels).astype(np.float32) * values['mains']
        self._rng = rng
        self._level = np.zeros(len(self._active))
        self._waiting: list[tuple[float, str]] = []
        self._target = ''
        self._asked = ''
        self._first = 0
        self._ready: Chunk | None = None
        self.origin_s = time.monotonic()
        self._pacer.start()
        known = rows > 1 or values['grid_columns']
        grid = (rows, self._channels // rows) if known else (0, 0)
        return StreamInfo(
            'emg',
            self._rate,
            tuple(f'EMG{channel + 1}' for channel in range(self._channels)),
            device='synthetic',
            serial=f'seed {values["seed"]}',
            grid=grid if grid[0] * grid[1] == self._channels else (0, 0),
        )

    def set_label(self, label: Label) -> None:
        """Contract after the reaction time. Unknown classes and no class are rest."""
        self._label = label.name

    def read(self, timeout_s: float) -> Chunk | None:
        """Return the next chunk when its newest sample is due, or None after ``timeout_s``."""
        if self._ready is None:  # compute it before the deadline, not after
            stamp_ns = sample_time_ns(0, self._first, self._rate)
            self._ready = Chunk(self._first, stamp_ns, self._rate, self._samples())
        chunk = self._ready
        if not self._pacer.wait_until((chunk.end_sample - 1) / self._rate, timeout_s):
            return None
        self._first, self._ready = chunk.end_sample, None
        return chunk

    def close(self) -> None:
        """Do nothing; there is no device."""

    def _samples(self) -> Samples:
        """Return the samples of the next chunk in volt, shape (n_samples, n_channels)."""
        values = self._values
        times_s = (self._first + np.arange(self._chunk)) / self._rate
        levels = self._levels(times_s)
        sources = self._sources.take(self._chunk)
        signal = np.zeros((self._chunk, self._channels), np.float32)
        for number in np.flatnonzero(levels.max(axis=0, initial=0.0) > 1e-4):
            own = slice(number * N_SOURCES, (number + 1) * N_SOURCES)
            driven = (sources[:, own] * levels[:, number, None]).astype(np.float32)
            signal += driven @ (self._mixing[own] * np.float32(values['amplitude']))
        if values['noise']:
            need = signal.size
            start = int(self._rng.integers(0, NOISE_TABLE))
            table = np.take(self._table, np.arange(start, start + need), mode='wrap')
            signal += table.reshape(signal.shape)
        if values['mains']:
            phase = 2 * np.pi * values['mains_frequency'] * times_s
            wave = np.sin(phase) + 0.3 * np.sin(3 * phase)
            signal += wave[:, None].astype(np.float32) * self._hum
        return signal * self._gain

    def _levels(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the contraction level of each class, 0 to 1, shape (n_samples, n_classes)."""
        label = self._label
        if label != self._asked:
            self._asked = label
            self._waiting.append((times_s[0] + self._values['reaction_time'], label))
        while self._waiting and self._waiting[0][0] <= times_s[-1]:
            self._target = self._waiting.pop(0)[1]
        goal = np.array([name == self._target for name in self._active], float)
        rise_s = self._values['rise_time']
        passed_s = times_s - times_s[0] + 1 / self._rate
        decay = np.exp(-passed_s / rise_s) if rise_s else np.zeros_like(passed_s)
        levels: NDArray[np.float64] = goal + (self._level - goal) * decay[:, None]
        self._level = levels[-1]
        # A held force fluctuates slowly.
        return levels * (1.0 + 0.08 * np.sin(2 * np.pi * 0.7 * times_s + 1.0))[:, None]
