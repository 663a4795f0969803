"""Validation of the chunks of a stream: appended, restarting the stream, or refused."""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum

import numpy as np

from myogestic_ros.core.signals import Chunk

__all__ = ['MAX_CHANNELS', 'SAMPLING_RATES', 'ChunkValidator', 'Verdict']

MAX_CHANNELS = 4096
"""Largest number of channels that is accepted; a chunk with more is malformed."""

SAMPLING_RATES = (0.01, 1e6)
"""Lowest and highest sampling rate that is accepted, in Hz."""

ADOPT_AFTER = 3
"""Number of consecutive refused chunks that continue one another after which the stream is taken
to have changed."""


class Verdict(Enum):
    """Result of the validation of a chunk."""

    APPEND = 'append'
    RESTART = 'restart'  # samples are missing before the chunk: no window may span them
    REFUSE = 'refuse'


class ChunkValidator:
    """Check the chunks of one stream, in the order of their arrival, and count them.

    Parameters
    ----------
    channels : int, optional
        Required number of channels. Without it, the first chunk decides, and a lasting change is
        accepted after `ADOPT_AFTER` chunks.
    sampling_rate : float, optional
        Required sampling rate, in Hz; without it, as for ``channels``.

    Attributes
    ----------
    channels : int or None
        Number of channels; None before the first chunk if it is not required.
    sampling_rate : float or None
        Sampling rate, in Hz; None before the first chunk if it is not required.
    chunks, samples : int
        Numbers of accepted chunks and samples.
    refused : Counter
        Number of refused chunks by kind: ``empty``, ``impossible`` (shape or rate), ``not finite``,
        ``format`` (another number of channels or rate), ``backwards`` (an earlier stamp, or a
        duplicate).
    lost : int
        Number of samples missing between accepted chunks.
    gaps : int
        Number of places at which samples are missing.
    unusable : int
        Number of the missing samples that arrived, but in chunks that were refused.
    not_finite_channels : Counter
        Number of refused chunks with NaN or Inf, by index of the channel.
    restarts : int
        Number of restarts of the stream (the driver was restarted, a bag was looped).
    reason : str
        Reason why the last refused chunk was refused.
    """

    def __init__(self, channels: int | None = None, sampling_rate: float | None = None) -> None:
        self._required = (channels, sampling_rate)
        self.channels = channels
        self.sampling_rate = sampling_rate
        self.refused: Counter[str] = Counter()
        self.not_finite_channels: Counter[int] = Counter()
        self.lost = 0
        self.gaps = 0
        self.unusable = 0
        self._refused_samples = 0  # since the last accepted chunk
        self.restarts = 0
        self.chunks = 0
        self.samples = 0
        self.reason = ''
        self._next: int | None = None
        self._stamp_ns = 0
        self._newest: tuple[int, int, int] | None = None  # first sample, stamp, end
        # First sample, channels and rate of a chunk that would continue the last refused one.
        self._continuation: tuple[int, int, float] | None = None
        self._refused_in_a_row = 0

    def check(self, chunk: Chunk) -> Verdict:
        """Validate the next chunk and count it."""
        kind = self._malformation(chunk)
        if kind is None:
            return self._accept(chunk)
        if kind in ('format', 'backwards') and self._adopt(chunk):
            return self._restart(chunk)
        self.refused[kind] += 1
        if kind in ('not finite', 'format'):
            self._refused_samples += chunk.n_samples
        return Verdict.REFUSE

    def accept_following(self, last: Chunk, chunks: int, samples: int) -> None:
        """Count chunks that continue the chunk checked last, without checking each.

        Parameters
        ----------
        last : Chunk
            The last of these chunks; the chunk checked last if there are none.
        chunks : int
            Number of these chunks.
        samples : int
            Number of their samples, including those of the chunk checked last.
        """
        if chunks:
            assert self._newest is not None
            self.samples += samples - last.n_samples - (self._newest[2] - self._newest[0])
            self._count(last)
            self.chunks += chunks - 1

    def _malformation(self, chunk: Chunk) -> str | None:
        if not chunk.data.size:
            self.reason = 'the frame has no samples; expected at least one'
            return 'empty'
        if not self._is_possible(chunk):
            self.reason = (
                f'the frame has samples of shape {chunk.data.shape} at {chunk.sampling_rate:g} '
                f'Hz, expected (n_samples, n_channels), at most {MAX_CHANNELS} channels, and a rate '
                f'from {SAMPLING_RATES[0]:g} to {SAMPLING_RATES[1]:g} Hz'
            )
            return 'impossible'
        if not math.isfinite(float(chunk.data.sum())) and not np.isfinite(chunk.data).all():
            faulty = np.flatnonzero(~np.isfinite(chunk.data).all(axis=0))
            self.not_finite_channels.update(faulty.tolist())
            self.reason = 'the frame has NaN or Inf; its samples count as lost'
            return 'not finite'
        if not self._has_format(chunk):
            channels = 'any number of' if self.channels is None else self.channels
            rate = 'any rate' if self.sampling_rate is None else f'{self.sampling_rate:g} Hz'
            self.reason = (
                f'the frame has {chunk.n_channels} channels at {chunk.sampling_rate:g} Hz, '
                f'expected {channels} channels at {rate}'
            )
            return 'format'
        if (chunk.first_sample, chunk.stamp_ns, chunk.end_sample) == self._newest:
            self.reason = 'the frame is a duplicate of the previous frame'
            return 'backwards'
        if self._next is not None and chunk.stamp_ns < self._stamp_ns:
            late = (self._stamp_ns - chunk.stamp_ns) * 1e-9
            self.reason = (
                f'the stamp of the frame is {late:g} s earlier than that of the previous frame'
            )
            return 'backwards'
        return None

    @staticmethod
    def _is_possible(chunk: Chunk) -> bool:
        low, high = SAMPLING_RATES
        return (
            chunk.data.ndim == 2
            and chunk.n_channels <= MAX_CHANNELS
            and low <= chunk.sampling_rate <= high
        )

    def _has_format(self, chunk: Chunk) -> bool:
        return self.channels in (None, chunk.n_channels) and self.sampling_rate in (
            None,
            chunk.sampling_rate,
        )

    def _accept(self, chunk: Chunk) -> Verdict:
        self._refused_in_a_row = 0
        if self._next is None or chunk.first_sample < self._next:
            return self._restart(chunk)
        missing = chunk.first_sample - self._next
        self.lost += missing
        self.gaps += missing > 0
        self.unusable += min(missing, self._refused_samples)
        self._count(chunk)
        return Verdict.RESTART if missing else Verdict.APPEND

    def _restart(self, chunk: Chunk) -> Verdict:
        self.restarts += self._next is not None
        self._refused_in_a_row = 0
        self._count(chunk)
        return Verdict.RESTART

    def _count(self, chunk: Chunk) -> None:
        self.channels, self.sampling_rate = chunk.n_channels, chunk.sampling_rate
        self._next = chunk.end_sample
        self._stamp_ns = chunk.stamp_ns
        self._refused_samples = 0
        self._newest = (chunk.first_sample, chunk.stamp_ns, chunk.end_sample)
        self.chunks += 1
        self.samples += chunk.n_samples

    def _adopt(self, chunk: Chunk) -> bool:
        """Return True if enough consecutive refused chunks show that the stream has changed."""
        kind = (chunk.first_sample, chunk.n_channels, chunk.sampling_rate)
        self._refused_in_a_row = self._refused_in_a_row + 1 if kind == self._continuation else 1
        self._continuation = (chunk.end_sample, chunk.n_channels, chunk.sampling_rate)
        channels, rate = self._required
        allowed = channels in (None, chunk.n_channels) and rate in (None, chunk.sampling_rate)
        return allowed and self._refused_in_a_row >= ADOPT_AFTER
