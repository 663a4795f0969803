"""Low-rate target stream kept in memory and aligned to windows of another stream."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import Samples
from myogestic_ros.sessions.reading.reader import Session

__all__ = ['TargetStream']


@dataclass(frozen=True)
class TargetStream:
    """All samples of a stream of a session, sorted by time.

    Attributes
    ----------
    times_s : ndarray of float64, shape (n_samples,)
        Acquisition times, s.
    values : ndarray of float32, shape (n_samples, n_channels)
        Samples.
    names : list of str
        Channel names.
    """

    times_s: NDArray[np.float64]
    values: Samples
    names: list[str]

    @classmethod
    def from_session(cls, session: Session, stream: str) -> TargetStream:
        """Read a stream of a session.

        Raises
        ------
        SessionError
            If the session lacks the stream, or if the stream has no samples or a varying number
            of channels.
        """
        chunks = list(session.chunks(stream))
        n_channels = sorted({chunk.n_channels for chunk in chunks})
        if not n_channels:
            raise SessionError(
                f"Stream '{stream}' of session '{session.name}' has no samples, expected at "
                f'least one.'
            )
        if len(n_channels) > 1:
            raise SessionError(
                f"Stream '{stream}' of session '{session.name}' has samples of {n_channels} "
                f'channels, expected the same number of channels in all samples.'
            )
        times = [c.stamp_ns * 1e-9 + np.arange(c.n_samples) / c.sampling_rate for c in chunks]
        times_s = np.concatenate(times)
        order = np.argsort(times_s, kind='stable')
        values = np.concatenate([chunk.data for chunk in chunks])
        names = _channel_names(session, stream, n_channels[0])
        return cls(times_s[order], values[order], names)

    def mean_around(self, at_s: float, n_samples: int, max_distance_s: float) -> Samples | None:
        """Return the mean of the samples around an instant.

        Parameters
        ----------
        at_s : float
            Instant, s.
        n_samples : int
            Number of samples to average.
        max_distance_s : float
            Maximum distance of the nearest sample, s; at least the median sampling interval.

        Returns
        -------
        ndarray of float32, shape (n_channels,), or None
            None if the nearest sample is too far away.
        """
        times_s = self.times_s
        nearest = int(np.searchsorted(times_s, at_s))
        if nearest > 0 and (
            nearest == len(times_s) or at_s - times_s[nearest - 1] <= times_s[nearest] - at_s
        ):
            nearest -= 1
        if abs(times_s[nearest] - at_s) > max(max_distance_s, self._median_interval_s):
            return None
        start = min(max(0, nearest - (n_samples - 1) // 2), max(0, len(times_s) - n_samples))
        mean: Samples = self.values[start : start + n_samples].mean(axis=0)
        return mean

    def to_dict(self, values: Samples) -> dict[str, float]:
        """Return values of shape ``(n_channels,)`` by channel name."""
        return dict(zip(self.names, values.tolist(), strict=True))

    @cached_property
    def _median_interval_s(self) -> float:
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0


def _channel_names(session: Session, stream: str, n_channels: int) -> list[str]:
    info = session.stream_info(stream)
    if info is not None and info.n_channels == n_channels:
        return list(info.channel_names)
    return [f'{stream}[{channel}]' for channel in range(n_channels)]
