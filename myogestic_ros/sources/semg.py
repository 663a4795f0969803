"""Model of surface EMG: band-limited noise from a few motor sources, mixed onto the electrodes."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from myogestic_ros.core.signals import Samples

__all__ = ['ActivationPatterns', 'BandNoise']

N_SOURCES = 3
"""Independent motor sources per class."""


def class_rng(seed: int, name: str) -> np.random.Generator:
    """Return a random generator that depends on the class name, not on the order of classes."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class ActivationPatterns:
    """Mixing matrices from the motor sources of each class to the channels.

    The electrodes form a ring around the arm, or a grid with several rings along it. The
    amplitude of a source falls off smoothly with the distance from its centre, as the amplitude
    of a muscle does for the electrodes around it.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    class_names : list of str
        Names of the classes. ``'rest'`` has no sources.
    seed : int
        Seed of the arm.
    rows : int
        Rows of the grid along the arm. Channels are numbered row by row.

    Attributes
    ----------
    mixing : dict of str to ndarray, shape (N_SOURCES, n_channels)
        Weights of each class except rest. The summed power of the sources, averaged over the
        channels, is 1.
    """

    def __init__(self, n_channels: int, class_names: list[str], seed: int, rows: int = 1) -> None:
        columns = -(-n_channels // rows)
        index = np.arange(n_channels)
        angle = 2 * np.pi * (index % columns) / columns
        along = (index // columns) / max(1, rows - 1)
        self.mixing = {
            name: self._pattern(class_rng(seed, name), angle, along)
            for name in class_names
            if name != 'rest'
        }

    @staticmethod
    def _pattern(
        rng: np.random.Generator, angle: NDArray[np.float64], along: NDArray[np.float64]
    ) -> Samples:
        weights = np.empty((N_SOURCES, len(angle)))
        for source in range(N_SOURCES):
            centre, row = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1)
            sharpness, strength = rng.uniform(1.5, 6.0), rng.uniform(0.4, 1.0)
            around = np.exp(sharpness * (np.cos(angle - centre) - 1))
            weights[source] = strength * around * np.exp(-4 * (along - row) ** 2)
        weights += 0.02  # crosstalk: volume conduction reaches every electrode
        rms = np.sqrt((weights**2).sum(axis=0).mean())
        pattern: Samples = (weights / rms).astype(np.float32)
        return pattern


class BandNoise:
    """Gaussian noise in the band of surface EMG, with a standard deviation of 1.

    Consecutive calls of `take` return a continuous signal.

    Parameters
    ----------
    n_signals : int
        Number of independent signals.
    sampling_rate : float
        In Hz. The band is 20 to 450 Hz, or narrower at low rates.
    rng : Generator
        Random generator.
    """

    def __init__(self, n_signals: int, sampling_rate: float, rng: np.random.Generator) -> None:
        nyquist = sampling_rate / 2
        high = min(450.0, 0.9 * nyquist)
        low = min(20.0, 0.1 * high)
        self._sos = butter(2, [low, high], 'bandpass', fs=sampling_rate, output='sos')
        self._state = np.zeros((self._sos.shape[0], 2, n_signals))
        self._rng = rng
        # The filter changes the variance of white noise by the energy of its impulse response.
        impulse = np.zeros(max(64, int(4 * sampling_rate / low)))
        impulse[0] = 1.0
        self._gain = 1.0 / float(np.sqrt((sosfilt(self._sos, impulse) ** 2).sum()))
        self.take(int(sampling_rate / low))  # skip the transient of the filter

    def take(self, n_samples: int) -> NDArray[np.float64]:
        """Return the next samples, shape (n_samples, n_signals)."""
        white = self._rng.standard_normal((n_samples, self._state.shape[2]))
        filtered, self._state = sosfilt(self._sos, white, axis=0, zi=self._state)
        noise: NDArray[np.float64] = filtered * self._gain
        return noise
