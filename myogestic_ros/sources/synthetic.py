"""A synthetic electrode array on an arm that does what it is asked to."""

from __future__ import annotations

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
"""Electrode noise is drawn once, and read from a new place for each chunk: it is the same to any
decoder, and costs a tenth."""


class Synthetic:
    """Surface EMG of an arm that follows the label.

    Parameters
    ----------
    values : mapping
        Values of `PARAMETERS` by name; a missing one has its default.
    pacer : Pacer, optional
        Clock to follow.
    """

    PARAMETERS = (
        Parameter('channels', 8, 'Number of channels.', minimum=1, maximum=512),
        Parameter(
            'sampling_rate', 2000.0, 'Sampling frequency, Hz.', minimum=10.0, maximum=100000.0
        ),
        Parameter('chunk', 0, 'Samples per frame; 0: 10 ms worth.', minimum=0, maximum=1000000),
        Parameter(
            'class_names',
            ['rest', 'fist', 'open', 'pinch', 'point', 'flexion', 'extension'],
            "Classes that it knows; 'rest' is no contraction.",
        ),
        Parameter('seed', 1, 'Another seed, another arm.', minimum=0, maximum=2**31 - 1),
        Parameter('amplitude', 100e-6, 'RMS of a full contraction, V.', minimum=0.0, maximum=1.0),
        Parameter('noise', 5e-6, 'RMS of the electrode noise, V.', minimum=0.0, maximum=1.0),
        Parameter('mains', 5e-6, 'Amplitude of the mains hum, V.', minimum=0.0, maximum=1.0),
        Parameter(
            'mains_frequency', 50.0, 'Frequency of the mains, Hz.', minimum=1.0, maximum=400.0
        ),
        Parameter(
            'reaction_time',
            0.2,
            'Time from a label to the beginning of the contraction, s.',
            minimum=0.0,
            maximum=10.0,
        ),
        Parameter(
            'rise_time', 0.15, 'Time constant of a contraction, s.', minimum=0.0, maximum=10.0
        ),
        Parameter(
            'grid_rows',
            1,
            'Rows of electrodes along the arm; channels are numbered row by row.',
            minimum=1,
            maximum=512,
        ),
        Parameter(
            'grid_columns',
            0,
            'Electrodes in each row; 0: as many as the channels fill.',
            minimum=0,
            maximum=512,
        ),
    )

    def __init__(self, values: Mapping[str, Any], pacer: Pacer | None = None) -> None:
        faults = check_values(self.PARAMETERS, values)
        if faults:
            raise SourceError(f'The synthetic array cannot be made: {"; ".join(faults)}.')
        self._values = {**defaults(self.PARAMETERS), **values}
        self._rate = float(self._values['sampling_rate'])
        self._channels = int(self._values['channels'])
        self._chunk = int(self._values['chunk']) or max(1, round(self._rate / 100))
        self._names = [name for name in self._values['class_names'] if name]
        self._rows = min(int(self._values['grid_rows']), self._channels)
        columns = int(self._values['grid_columns'])
        if columns and self._values['grid_rows'] * columns != self._channels:
            raise SourceError(
                f'The synthetic array cannot be made: got {self._values["grid_rows"]} rows of '
                f'{columns} electrodes, expected {self._channels} in all, as channels says.'
            )
        self._pacer = pacer or Pacer()
        self._label = ''

    def open(self) -> StreamInfo:
        """Begin at sample 0, with the arm at rest."""
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
        """Contract as asked, after the reaction time; an unknown or no class is rest."""
        self._label = label.name

    def read(self, timeout_s: float) -> Chunk | None:
        """Return the next chunk when its newest sample is due."""
        if self._ready is None:  # made while there is time, so that it leaves when it is due
            stamp_ns = sample_time_ns(0, self._first, self._rate)
            self._ready = Chunk(self._first, stamp_ns, self._rate, self._samples())
        chunk = self._ready
        if not self._pacer.wait_until((chunk.end_sample - 1) / self._rate, timeout_s):
            return None
        self._first, self._ready = chunk.end_sample, None
        return chunk

    def close(self) -> None:
        """Do nothing: there is no device."""

    def _samples(self) -> Samples:
        """Return the samples of the next chunk, shape (chunk, channels), V."""
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
        """Return how strongly each class is contracted, shape (chunk, n_classes), 0 to 1."""
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
        # Nobody holds a force quite still.
        return levels * (1.0 + 0.08 * np.sin(2 * np.pi * 0.7 * times_s + 1.0))[:, None]
