"""Find the samples in what a microcontroller sends: lines of text, or packets of bytes."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.sources.acquisition.crc8 import crc8
from myogestic_ros.sources.acquisition.sample_formats import ByteOrder, decode_int24

__all__ = ['CHECKS', 'NUMBERS', 'FrameReader', 'Frames', 'PacketReader', 'TextReader']

NUMBERS = {'int8': 1, 'uint8': 1, 'int16': 2, 'uint16': 2, 'int24': 3, 'int32': 4, 'float32': 4}
"""Bytes of each format of a sample."""
DTYPES = {
    'int8': 'i1',
    'uint8': 'u1',
    'int16': 'i2',
    'uint16': 'u2',
    'int32': 'i4',
    'float32': 'f4',
}
CHECKS = ('crc8', 'sum8', 'none')
LONGEST_LINE = 65536
SEPARATORS = re.compile(rb'[,;\s]+')


class Frames(NamedTuple):
    """Samples in a row.

    Attributes
    ----------
    unreadable : int
        Number of samples before these that came, but could not be read.
    data : ndarray, shape (n_samples, n_channels)
        The samples.
    counters : ndarray of int, shape (n_samples,)
        Their counters; zeros without a counter.
    """

    unreadable: int
    data: NDArray[np.float64]
    counters: NDArray[np.int64]


class FrameReader(Protocol):
    """Reader of a stream of bytes that may be divided anywhere."""

    unreadable: int
    """Number of samples so far that could not be read."""

    def add(self, data: bytes) -> list[Frames]:
        """Return the samples that are complete."""


class _Collector:
    """Collect samples; begin a new row after some that could not be read."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, list[tuple[int, NDArray[np.float64]]]]] = []

    def add(self, unreadable: int, counter: int, values: NDArray[np.float64]) -> None:
        if unreadable or not self._rows:
            self._rows.append((unreadable, []))
        self._rows[-1][1].append((counter, values))

    def take(self) -> list[Frames]:
        rows, self._rows = self._rows, []
        return [
            Frames(
                unreadable,
                np.stack([values for _, values in row]),
                np.array([counter for counter, _ in row], np.int64),
            )
            for unreadable, row in rows
        ]


class TextReader:
    """One line per sample: numbers between commas, semicolons, spaces or tabs.

    Lines that are empty or begin with ``#`` are comments. What comes before the first readable
    line, such as the greeting of a boot loader, is ignored. Later unreadable lines are lost samples.

    Parameters
    ----------
    n_channels : int
        Channels per line.
    with_counter : bool
        True if each line begins with a counter.
    """

    def __init__(self, n_channels: int, *, with_counter: bool) -> None:
        self.unreadable = 0
        self._with_counter = with_counter
        self._n_fields = n_channels + with_counter
        self._rest = b''
        self._began = self._whole = False
        self._missing = 0

    def add(self, data: bytes) -> list[Frames]:
        """Return the samples of the lines that are complete."""
        *lines, self._rest = (self._rest + data).split(b'\n')
        self._rest = self._rest[-LONGEST_LINE:]
        found = _Collector()
        for line in lines:
            if not self._whole:  # the first line may have begun before the port was opened
                self._whole = True
                continue
            text = line.strip()
            if not text or text.startswith(b'#'):
                continue
            values = self._values(text)
            if values is None:
                self._missing += self._began
                self.unreadable += self._began
                continue
            counter = int(values[0]) if self._with_counter else 0
            found.add(self._missing, counter, values[int(self._with_counter) :])
            self._began, self._missing = True, 0
        return found.take()

    def _values(self, text: bytes) -> NDArray[np.float64] | None:
        fields = SEPARATORS.split(text.strip(b',; \t\r'))
        if len(fields) != self._n_fields:
            return None
        try:
            values = np.array([float(field) for field in fields])
        except ValueError:
            return None
        return values if np.isfinite(values).all() else None


class PacketReader:
    """One packet per sample: sync bytes, counter, one number per channel, check.

    A packet is taken if its check fits and, unless it follows another, if a further sync comes
    right after it, so that sync bytes within samples are not mistaken.

    Parameters
    ----------
    n_channels : int
        Channels per packet.
    number : str
        One of `NUMBERS`.
    order : str
        Byte order of numbers and counter.
    sync : bytes
        Bytes at the beginning of a packet; at least one.
    counter_bytes : int
        Bytes of the counter after the sync; 0: none.
    check : str
        ``'crc8'`` (reflected polynomial 0x8C) or ``'sum8'`` over all bytes between sync and check, or
        ``'none'``.
    """

    def __init__(
        self,
        n_channels: int,
        number: str,
        order: ByteOrder,
        sync: bytes,
        counter_bytes: int,
        check: str,
    ) -> None:
        self.unreadable = 0
        self._n_channels, self._number, self._order = n_channels, number, order
        self._sync, self._counter_bytes, self._check = sync, counter_bytes, check
        self._body = counter_bytes + n_channels * NUMBERS[number]
        self.length = len(sync) + self._body + (check != 'none')
        self._rest = b''
        self._locked = self._began = False
        self._dropped = 0  # bytes since the last packet

    def add(self, data: bytes) -> list[Frames]:
        """Return the samples of the packets that are complete."""
        buffer = self._rest + data
        at, found = 0, _Collector()
        while True:
            needed = self.length + (0 if self._locked else len(self._sync))
            start = buffer.find(self._sync, at)
            if start < 0:
                start = max(at, len(buffer) - len(self._sync) + 1)
            if start > at:
                self._dropped += start - at
                self._locked = False
                at = start
                continue
            if len(buffer) - at < needed:
                break
            if not self._fits(buffer, at):
                self._locked = False
                self._dropped += 1
                at += 1
                continue
            self._take(buffer[at + len(self._sync) : at + self.length], found)
            at += self.length
        self._rest = buffer[at:]
        return found.take()

    def _fits(self, buffer: bytes, at: int) -> bool:
        end = at + self.length
        if not self._locked and buffer[end : end + len(self._sync)] != self._sync:
            return False
        body = buffer[at + len(self._sync) : at + len(self._sync) + self._body]
        if self._check == 'crc8':
            return crc8(body) == buffer[end - 1]
        return self._check == 'none' or sum(body) % 256 == buffer[end - 1]

    def _take(self, packet: bytes, found: _Collector) -> None:
        missing = round(self._dropped / self.length) if self._began else 0
        self.unreadable += missing
        self._dropped, self._began, self._locked = 0, True, True
        counter = int.from_bytes(packet[: self._counter_bytes], self._order)
        found.add(missing, counter, self._values(packet[self._counter_bytes : self._body]))

    def _values(self, data: bytes) -> NDArray[np.float64]:
        values: NDArray[np.float64]
        if self._number == 'int24':
            values = decode_int24(data, self._n_channels, self._order)[0].astype(np.float64)
        else:
            kind = ('<' if self._order == 'little' else '>') + DTYPES[self._number]
            values = np.frombuffer(data, kind).astype(np.float64)
        return values
