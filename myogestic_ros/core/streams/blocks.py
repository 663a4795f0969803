"""Blocks of consecutive chunks: recordings are processed faster in larger pieces."""

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
    """Consecutive chunks of one stream in one array.

    The chunks of a block have the same sampling rate and number of channels, finite samples, and
    increasing stamps, and no sample is lost between them. A chunk without these properties forms a
    block of its own.

    Attributes
    ----------
    first_sample : int
        Running index of the first sample.
    starts : ndarray of int64, shape (n_chunks,)
        Index of the first sample of each chunk in `data`; the first is 0.
    stamps_ns : ndarray of int64, shape (n_chunks,)
        Acquisition time of the first sample of each chunk, in ns.
    sampling_rate : float
        Sampling rate, in Hz.
    data : ndarray of float32, shape (n_samples, n_channels)
        Samples in volt; may be a read-only view.
    """

    first_sample: int
    starts: Integers
    stamps_ns: Integers
    sampling_rate: float
    data: Samples

    @classmethod
    def from_chunks(cls, chunks: list[Chunk]) -> Block:
        """Join consecutive chunks; at least one."""
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
        """Number of chunks."""
        return len(self.starts)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.data.shape[0])

    def chunk(self, number: int) -> Chunk:
        """Return a chunk by its number; -1 is the last."""
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
        """Yield the chunks of the block."""
        return map(self.chunk, range(self.n_chunks))

    def after(self, number: int) -> Block:
        """Return the block without its first ``number`` chunks."""
        start = int(self.starts[number]) if number < self.n_chunks else self.n_samples
        return Block(
            self.first_sample + start,
            self.starts[number:] - start,
            self.stamps_ns[number:],
            self.sampling_rate,
            self.data[start:],
        )

    def times_ns(self, offsets: Integers) -> Integers:
        """Return the acquisition times of samples, each counted from the stamp of its chunk.

        Parameters
        ----------
        offsets : ndarray of int64, shape (n,)
            Indices of the samples in `data`.

        Returns
        -------
        ndarray of int64, shape (n,)
            Times in ns, equal to those of `sample_time_ns`.
        """
        chunk_numbers = np.searchsorted(self.starts, offsets, side='right') - 1
        steps = (offsets - self.starts[chunk_numbers]) * 1e9 / self.sampling_rate
        times: Integers = self.stamps_ns[chunk_numbers] + np.rint(steps).astype(np.int64)
        return times


def iter_blocks(chunks: Iterable[Chunk], max_samples: int = 4096) -> Iterator[Block]:
    """Join chunks to blocks, in order.

    Parameters
    ----------
    chunks : iterable of Chunk
        Chunks of one stream.
    max_samples : int
        A block ends with the chunk that reaches this number of samples.
    """
    pending: list[Chunk] = []
    samples = 0
    for chunk in chunks:
        if pending and (samples >= max_samples or not _continues(pending[-1], chunk)):
            yield Block.from_chunks(pending)
            pending, samples = [], 0
        pending.append(chunk)
        samples += chunk.n_samples
    if pending:
        yield Block.from_chunks(pending)


def _continues(before: Chunk, chunk: Chunk) -> bool:
    return (
        chunk.first_sample == before.end_sample
        and chunk.stamp_ns >= before.stamp_ns
        and chunk.sampling_rate == before.sampling_rate
        and _is_finite(before)
        and _is_finite(chunk)
        and chunk.n_channels == before.n_channels
    )


def _is_finite(chunk: Chunk) -> bool:
    return chunk.data.ndim == 2 and bool(chunk.data.size) and bool(np.isfinite(chunk.data.sum()))
