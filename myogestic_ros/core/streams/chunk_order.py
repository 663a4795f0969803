"""Put chunks that arrive out of order in order again, within a small bound."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

__all__ = ['MAX_DISORDER_MS', 'ChunkOrder']

MAX_DISORDER_MS = 50.0
"""Longest signal, from the first missing sample on, that waits for an earlier chunk, in ms."""


class Piece(Protocol):
    """The members of a chunk, or of a block of chunks, that decide about its place."""

    @property
    def first_sample(self) -> int:
        """Running index of the first sample."""

    @property
    def n_samples(self) -> int:
        """Number of samples."""

    @property
    def sampling_rate(self) -> float:
        """Sampling rate, in Hz."""


PieceT = TypeVar('PieceT', bound=Piece)


class ChunkOrder(Generic[PieceT]):
    """Hold chunks back that come before an earlier one, until that one arrives.

    A chunk that continues the stream passes at once. After a gap, chunks are held until the gap is
    closed, or until the signal since its start is longer than the bound; then its samples are
    lost. The bound is at most one window, so that no window that ends in a held chunk could be
    full: no prediction is delayed. The result depends on the order of arrival only, not on times
    of arrival, so that a recording gives the same windows offline as live.

    Parameters
    ----------
    window_ms : float
        Length of the windows, in ms; the bound is at most this long.

    Attributes
    ----------
    reordered : int
        Number of chunks that arrived after a later one and were put in order.
    """

    def __init__(self, window_ms: float) -> None:
        self.reordered = 0
        self._bound_s = min(MAX_DISORDER_MS, window_ms) * 1e-3
        self._next: int | None = None
        self._stamp_ns = 0
        self._rate = 0.0
        self._held: list[tuple[int, tuple[int, int], PieceT]] = []  # first sample, stamps, chunk

    def continues(self, first_sample: int, stamp_ns: int) -> bool:
        """Return True if no chunk is held, and the next one is this one."""
        return not self._held and first_sample == self._next and stamp_ns >= self._stamp_ns

    def push(self, chunk: PieceT, stamps_ns: tuple[int, int]) -> list[PieceT]:
        """Take in a chunk in the order of arrival.

        Parameters
        ----------
        chunk : Chunk or Block
            The chunk.
        stamps_ns : tuple of int
            Stamps of its first and of its last chunk, in ns: equal, except for a block.

        Returns
        -------
        list of Chunk or Block
            The chunks that are in order now, oldest first; malformed ones are among them.
        """
        first, end = chunk.first_sample, chunk.first_sample + chunk.n_samples
        if self._next is None or chunk.sampling_rate != self._rate or end == first:
            return self._begin_again(chunk, stamps_ns)
        if stamps_ns[0] < self._stamp_ns:
            return [chunk]  # too late, or a clock that was set back: for the validator to refuse
        if first == self._next:
            return self._continue(chunk, stamps_ns)
        if first < self._next or any(first == held[0] for held in self._held):
            return self._begin_again(chunk, stamps_ns)
        self.reordered += bool(self._held) and first < self._held[-1][0]
        self._held.append((first, stamps_ns, chunk))
        self._held.sort(key=lambda held: held[0])
        last = self._held[-1][2]
        if last.first_sample + last.n_samples - self._next > self._bound_s * self._rate:
            return self._release()
        return []

    def _continue(self, chunk: PieceT, stamps_ns: tuple[int, int]) -> list[PieceT]:
        """Pass a chunk and the held ones that continue it."""
        self._pass(chunk, stamps_ns)
        if not self._held:
            return [chunk]
        self.reordered += 1
        passed = [chunk]
        while self._held and self._held[0][0] <= (self._next or 0):
            _, stamps_ns, held = self._held.pop(0)
            if stamps_ns[0] >= self._stamp_ns:  # otherwise a duplicate of what has just come
                self._pass(held, stamps_ns)
            passed.append(held)
        return passed

    def _pass(self, chunk: PieceT, stamps_ns: tuple[int, int]) -> None:
        self._next = chunk.first_sample + chunk.n_samples
        self._stamp_ns = stamps_ns[1]

    def _release(self) -> list[PieceT]:
        """Pass all held chunks: the missing samples are lost."""
        released = []
        for _, stamps_ns, held in self._held:
            self._pass(held, stamps_ns)
            released.append(held)
        self._held.clear()
        return released

    def _begin_again(self, chunk: PieceT, stamps_ns: tuple[int, int]) -> list[PieceT]:
        """Pass all held chunks and one that does not continue them: a restart or another format."""
        released = self._release()
        if chunk.n_samples:
            self._rate = chunk.sampling_rate
            self._pass(chunk, stamps_ns)
        else:
            self._next = None
        return [*released, chunk]
