"""Many chunks of one stream at once: recordings are read faster that way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Chunk, Samples

__all__ = ['Block', 'iter_blocks']

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Chunks that continue one another, in one piece of memory.

    Nothing is lost between two of them, their stamps do not go back, they have one rate and one
    number of channels, and their samples are finite; a chunk that is not so stands alone.

    Attributes
    ----------
    first_sample : int
        Running index of the first sample.
    starts : ndarray of int64, shape (n_chunks,)
        Where each chunk begins in `data`; the first is 0.
    stamps_ns : ndarray of int64, shape (n_chunks,)
        Acquisition time of the first sample of each chunk, ns.
    sampling_rate : float
        Sampling frequency, Hz.
    data : ndarray of float32, shape (n_samples, n_channels)
        Samples in volt, sample-major; may be a read-only view.
    """

    first_sample: int
    starts: Integers
    stamps_ns: Integers
    sampling_rate: float
    data: Samples

    @classmethod
    def from_chunks(cls, chunks: list[Chunk]) -> Block:
        """Join chunks that continue one another; at least one."""
        first = chunks[0]
        lengths = [chunk.n_samples for chunk in chunks[:-1]]
        return cls(
            first.first_sample,
            np.cumsum([0, *lengths], dtype=np.int64),
            np.array([chunk.stamp_ns for chunk in chunks], np.int64),
            first.sampling_rate,
            first.data if len(chunks) == 1 else np.concatenate([c.data for c in chunks]),
        )

    @property
    def n_chunks(self) -> int:
        return len(self.starts)

    @property
    def n_samples(self) -> int:
        return int(self.data.shape[0])

    def chunk(self, number: int) -> Chunk:
        """Return one of its chunks; -1 is the last."""
        number %= self.n_chunks
        start = int(self.starts[number])
        stop = int(self.starts[number + 1]) if number + 1 < self.n_chunks else self.n_samples
        return Chunk(
            self.first_sample + start,
            int(self.stamps_ns[number]),
            self.sampling_rate,
            self.data[start:stop],
        )

    def chunks(self) -> Iterator[Chunk]:
        """Yield its chunks."""
        return map(self.chunk, range(self.n_chunks))

    def after(self, number: int) -> Block:
        """Return what is left without the first ``number`` chunks."""
        start = int(self.starts[number]) if number < self.n_chunks else self.n_samples
        return Block(
            self.first_sample + start,
            self.starts[number:] - start,
            self.stamps_ns[number:],
            self.sampling_rate,
            self.data[start:],
        )

    def times_ns(self, offsets: Integers) -> Integers:
        """Return when the samples at ``offsets`` in `data` were acquired, ns.

        As `sample_time_ns` has it: each counted from the stamp of its own chunk.
        """
        of_chunk = np.searchsorted(self.starts, offsets, side='right') - 1
        steps = (offsets - self.starts[of_chunk]) * 1e9 / self.sampling_rate
        times: Integers = self.stamps_ns[of_chunk] + np.rint(steps).astype(np.int64)
        return times


def iter_blocks(chunks: Iterable[Chunk], most_samples: int = 4096) -> Iterator[Block]:
    """Join chunks to blocks of about ``most_samples`` samples; their order stays."""
    waiting: list[Chunk] = []
    samples = 0
    for chunk in chunks:
        if waiting and (samples >= most_samples or not _continues(waiting[-1], chunk)):
            yield Block.from_chunks(waiting)
            waiting, samples = [], 0
        waiting.append(chunk)
        samples += chunk.n_samples
    if waiting:
        yield Block.from_chunks(waiting)


def _continues(before: Chunk, chunk: Chunk) -> bool:
    return (
        chunk.first_sample == before.end_sample
        and chunk.stamp_ns >= before.stamp_ns
        and chunk.sampling_rate == before.sampling_rate
        and _is_sound(before)
        and _is_sound(chunk)
        and chunk.n_channels == before.n_channels
    )


def _is_sound(chunk: Chunk) -> bool:
    return chunk.data.ndim == 2 and bool(chunk.data.size) and bool(np.isfinite(chunk.data.sum()))
