"""What becomes of each chunk of a stream: appended, a new beginning, or refused."""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum

import numpy as np

from myogestic_ros.core.signals import Chunk

__all__ = ['MAX_CHANNELS', 'SAMPLING_RATES', 'ChunkValidator', 'Verdict']

MAX_CHANNELS = 4096
"""More channels than this in one frame is taken for rubbish, not for an array."""

SAMPLING_RATES = (0.01, 1e6)
"""Lowest and highest rate, Hz, that is believed."""

ADOPT_AFTER = 3
"""So many refused chunks in a row that continue one another are a stream that has changed."""


class Verdict(Enum):
    """What to do with a chunk."""

    APPEND = 'append'
    RESTART = 'restart'  # samples are missing before it: windows begin anew
    REFUSE = 'refuse'


class ChunkValidator:
    """Check the chunks of one stream, in the order of their arrival, and count.

    Parameters
    ----------
    channels, sampling_rate : optional
        Number of channels and rate (Hz) that the stream must have. Without them the first
        chunk decides, and a stream that changes for good is adopted after a few chunks.

    Attributes
    ----------
    refused : Counter
        Refused chunks by reason: ``empty``, ``impossible``, ``not finite``, ``format``,
        ``backwards`` (or the same again).
    lost : int
        Samples missing between accepted chunks.
    restarts : int
        How often the stream began anew (its driver was restarted, a bag was looped).
    reason : str
        Why the last chunk was refused, in a sentence.
    """

    def __init__(self, channels: int | None = None, sampling_rate: float | None = None) -> None:
        self._wanted = (channels, sampling_rate)
        self.channels = channels
        self.sampling_rate = sampling_rate
        self.refused: Counter[str] = Counter()
        self.lost = 0
        self.restarts = 0
        self.chunks = 0
        self.samples = 0
        self.reason = ''
        self._next: int | None = None
        self._stamp_ns = 0
        self._newest: tuple[int, int, int] | None = None  # first sample, stamp, end
        self._suspect: tuple[int, int, float] | None = None  # what would continue the refused one
        self._suspects = 0

    def check(self, chunk: Chunk) -> Verdict:
        """Decide on a chunk and take note of it."""
        kind = self._fault(chunk)
        if kind is None:
            return self._accept(chunk)
        if kind in ('format', 'backwards') and self._adopt(chunk):
            return self._restart(chunk)
        self.refused[kind] += 1
        return Verdict.REFUSE

    def follow(self, last: Chunk, chunks: int, samples: int) -> None:
        """Take note of chunks that continue the one checked last, without checking each.

        Parameters
        ----------
        last : Chunk
            The last of them; when there is none, the one checked last.
        chunks, samples : int
            How many they are, and how many samples, the one checked last included.
        """
        if chunks:
            assert self._newest is not None
            self.samples += samples - last.n_samples - (self._newest[2] - self._newest[0])
            self._note(last)
            self.chunks += chunks - 1

    def _fault(self, chunk: Chunk) -> str | None:
        if not chunk.data.size:
            self.reason = 'the frame holds no samples; expected at least one'
            return 'empty'
        if not self._possible(chunk):
            self.reason = (
                f'the frame has samples of shape {chunk.data.shape} at {chunk.sampling_rate:g} '
                f'Hz, expected (samples, channels), at most {MAX_CHANNELS} channels, and a rate '
                f'from {SAMPLING_RATES[0]:g} to {SAMPLING_RATES[1]:g} Hz'
            )
            return 'impossible'
        if not math.isfinite(float(chunk.data.sum())) and not np.isfinite(chunk.data).all():
            self.reason = 'the frame holds NaN or Inf; its samples are taken as lost'
            return 'not finite'
        if not self._fits(chunk):
            channels = 'any number of' if self.channels is None else self.channels
            rate = 'any rate' if self.sampling_rate is None else f'{self.sampling_rate:g} Hz'
            self.reason = (
                f'the frame has {chunk.n_channels} channels at {chunk.sampling_rate:g} Hz, '
                f'expected {channels} at {rate}'
            )
            return 'format'
        if (chunk.first_sample, chunk.stamp_ns, chunk.end_sample) == self._newest:
            self.reason = 'the frame is the one that came before it: it came twice'
            return 'backwards'
        if self._next is not None and chunk.stamp_ns < self._stamp_ns:
            late = (self._stamp_ns - chunk.stamp_ns) * 1e-9
            self.reason = f'the frame is stamped {late:g} s before the one that came before it'
            return 'backwards'
        return None

    @staticmethod
    def _possible(chunk: Chunk) -> bool:
        low, high = SAMPLING_RATES
        return (
            chunk.data.ndim == 2
            and chunk.n_channels <= MAX_CHANNELS
            and low <= chunk.sampling_rate <= high
        )

    def _fits(self, chunk: Chunk) -> bool:
        return self.channels in (None, chunk.n_channels) and self.sampling_rate in (
            None,
            chunk.sampling_rate,
        )

    def _accept(self, chunk: Chunk) -> Verdict:
        self._suspects = 0
        if self._next is None or chunk.first_sample < self._next:
            return self._restart(chunk)
        missing = chunk.first_sample - self._next
        self.lost += missing
        self._note(chunk)
        return Verdict.RESTART if missing else Verdict.APPEND

    def _restart(self, chunk: Chunk) -> Verdict:
        self.restarts += self._next is not None
        self._suspects = 0
        self._note(chunk)
        return Verdict.RESTART

    def _note(self, chunk: Chunk) -> None:
        self.channels, self.sampling_rate = chunk.n_channels, chunk.sampling_rate
        self._next = chunk.end_sample
        self._stamp_ns = chunk.stamp_ns
        self._newest = (chunk.first_sample, chunk.stamp_ns, chunk.end_sample)
        self.chunks += 1
        self.samples += chunk.n_samples

    def _adopt(self, chunk: Chunk) -> bool:
        """Tell whether refused chunks have continued one another long enough to be believed."""
        kind = (chunk.first_sample, chunk.n_channels, chunk.sampling_rate)
        self._suspects = self._suspects + 1 if kind == self._suspect else 1
        self._suspect = (chunk.end_sample, chunk.n_channels, chunk.sampling_rate)
        channels, rate = self._wanted
        allowed = channels in (None, chunk.n_channels) and rate in (None, chunk.sampling_rate)
        return allowed and self._suspects >= ADOPT_AFTER
