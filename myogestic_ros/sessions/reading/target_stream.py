"""A slow stream held as a whole: targets that go with windows of another stream."""

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
    """The samples of one stream in the order of their time.

    Attributes
    ----------
    times_s : ndarray of float64, shape (n_samples,)
        When each was acquired, s.
    values : ndarray of float32, shape (n_samples, n_channels)
        The samples.
    names : list of str
        One name per channel.
    """

    times_s: NDArray[np.float64]
    values: Samples
    names: list[str]

    @classmethod
    def of(cls, session: Session, stream: str) -> TargetStream:
        """Return a stream of a session.

        Raises
        ------
        SessionError
            When it has no samples, or not always the same number of channels.
        """
        chunks = list(session.chunks(stream))
        widths = sorted({chunk.n_channels for chunk in chunks})
        if len(widths) != 1:
            told = f'samples of {widths} channels' if widths else 'no samples'
            raise SessionError(
                f"Session '{session.name}' has {told} of stream '{stream}'; expected some, "
                f'always with the same number of channels.'
            )
        times = [c.stamp_ns * 1e-9 + np.arange(c.n_samples) / c.sampling_rate for c in chunks]
        times_s = np.concatenate(times)
        order = np.argsort(times_s, kind='stable')
        values = np.concatenate([chunk.data for chunk in chunks])
        return cls(times_s[order], values[order], _names(session, stream, widths[0]))

    def around(self, at_s: float, n_samples: int, within_s: float) -> Samples | None:
        """Return the mean of the ``n_samples`` samples around an instant, shape (n_channels,).

        None when the nearest is further away than ``within_s`` and than samples usually are.
        """
        times_s = self.times_s
        nearest = int(np.searchsorted(times_s, at_s))
        if nearest > 0 and (
            nearest == len(times_s) or at_s - times_s[nearest - 1] <= times_s[nearest] - at_s
        ):
            nearest -= 1
        if abs(times_s[nearest] - at_s) > max(within_s, self._usual_interval_s):
            return None
        start = min(max(0, nearest - (n_samples - 1) // 2), max(0, len(times_s) - n_samples))
        mean: Samples = self.values[start : start + n_samples].mean(axis=0)
        return mean

    def named(self, values: Samples) -> dict[str, float]:
        """Return values, shape (n_channels,), by the name of the channel."""
        return dict(zip(self.names, values.tolist(), strict=True))

    @cached_property
    def _usual_interval_s(self) -> float:
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0


def _names(session: Session, stream: str, n_channels: int) -> list[str]:
    info = session.stream_info(stream)
    if info is not None and info.n_channels == n_channels:
        return list(info.channel_names)
    return [f'{stream}[{channel}]' for channel in range(n_channels)]
