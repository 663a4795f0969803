"""Number, stamp and divide the samples of a device as they arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import samples_in
from myogestic_ros.sources.acquisition.device_clock import CRYSTAL, DeviceClock
from myogestic_ros.sources.acquisition.sample_counter import SampleCounter

__all__ = ['Block', 'BlockBuilder']

LONGEST_BLOCK = 4
"""A block that arrives late is divided into blocks of at most as many times the block length."""
GARBAGE_RESTARTS = 20
GARBAGE_S = 1.0
"""Number of jumps of the counter within a time that no radio link explains."""
FUTURE_MS = 250.0
"""Time by which a sample may seem to arrive before it was acquired."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples as the device sent them.

    Attributes
    ----------
    first_sample : int
        Index of the first sample.
    stamp_ns : int
        Acquisition time of the first sample since the source was opened, ns.
    data : ndarray, shape (n_samples, n_columns)
        The samples, in the units of the device.
    """

    first_sample: int
    stamp_ns: int
    data: NDArray[Any]


class BlockBuilder:
    """Turn samples as they arrive into blocks without holes.

    Parameters
    ----------
    sampling_rate : float
        Nominal sampling rate, Hz.
    origin_s : float
        Time of `time.monotonic` at which the source was opened, s.
    block_ms : float
        Shortest duration of a block, ms; fewer samples are kept until more arrive.
    counter : int
        Number of different values of the device's sample counter; 0 without one.
    repeats : int
        Number of samples that the device may send twice; see `SampleCounter`.
    max_deviation : float
        Largest deviation of the sampling rate from the nominal one, relative to it.
    lag_limit_s : float
        Samples that suddenly arrive later by that time, and stay late, follow lost ones, s. inf:
        never.

    Attributes
    ----------
    clock : DeviceClock
        Estimate of the device's clock.
    lost : int
        Number of samples missing so far.
    """

    def __init__(
        self,
        sampling_rate: float,
        origin_s: float,
        *,
        block_ms: float = 5.0,
        counter: int = 0,
        repeats: int = 0,
        max_deviation: float = CRYSTAL,
        lag_limit_s: float = 0.5,
    ) -> None:
        self.clock = DeviceClock(sampling_rate, origin_s, max_deviation)
        self.lost = 0
        self._rate = sampling_rate
        self._shortest = samples_in(block_ms, sampling_rate)
        tolerance = samples_in(FUTURE_MS, sampling_rate)
        self._counter = SampleCounter(counter, tolerance, repeats) if counter else None
        self._quantum = max(1, counter)
        self._lag_limit_s = lag_limit_s
        self._next_sample = 0  # without a counter
        self._end_sample = 0  # of the samples in `_waiting`
        self._waiting: list[NDArray[Any]] = []
        self._n_waiting = 0
        self._blocks: deque[Block] = deque()
        self._arrival_s = self._restarts_s = origin_s
        self._restarts = 0  # of the counter, until `_restarts_s`

    def add(
        self, data: NDArray[Any], arrival_s: float, counters: NDArray[Any] | None = None
    ) -> None:
        """Add samples in the order of their arrival.

        Parameters
        ----------
        data : ndarray, shape (n_samples, n_columns)
            The samples.
        arrival_s : float
            Time of `time.monotonic` at which the newest arrived, s.
        counters : ndarray of int, shape (n_samples,), optional
            The device's counter of each sample.
        """
        if not len(data):
            return
        self._arrival_s = arrival_s
        self._skip_untraced()
        if self._counter is not None and counters is not None:
            runs = self._counter.add(counters, lambda: self._newest(arrival_s, len(data)))
            pieces = [(data[run.start : run.stop], run.first_sample) for run in runs]
        else:
            pieces = [(data, self._next_sample)]
            self._next_sample += len(data)
        for piece, first_sample in pieces:
            if first_sample != self._end_sample:
                self._flush()
                self.lost += first_sample - self._end_sample
            self._waiting.append(piece)
            self._n_waiting += len(piece)
            self._end_sample = first_sample + len(piece)
        if pieces:
            self.clock.observe(self._end_sample - 1, arrival_s)
        if self._n_waiting >= self._shortest:
            self._flush()

    @property
    def restarts(self) -> int:
        """Number of restarts of the device's sample counter."""
        return self._counter.restarts if self._counter is not None else 0

    def check_order(self, device: str) -> None:
        """Raise SourceError if the counter jumps so often that the bytes must be out of step.

        Parameters
        ----------
        device : str
            Name of the device and its address.
        """
        if self.restarts - self._restarts > GARBAGE_RESTARTS:
            raise SourceError(
                f'The samples of the {device} are out of step: the sample counter jumped more than '
                f'{GARBAGE_RESTARTS} times within {GARBAGE_S:g} s. The connection is made again.'
            )
        if self._arrival_s - self._restarts_s > GARBAGE_S:
            self._restarts, self._restarts_s = self.restarts, self._arrival_s

    def skip(self, n_samples: int) -> None:
        """Insert a hole before the next sample, for samples that are known to be lost."""
        if self._counter is not None:
            self._counter.skip(n_samples)
        self._next_sample += n_samples

    def pop(self) -> Block | None:
        """Return the next block, or None."""
        return self._blocks.popleft() if self._blocks else None

    def health(self) -> dict[str, str]:
        """Return the estimated sampling rate, and the counts that tell of trouble."""
        clock = self.clock
        facts = {
            'estimated rate [Hz]': f'{clock.sampling_rate:.3f} ({clock.deviation * 1e6:+.0f} ppm)',
        }
        if clock.delay_s > self._lag_limit_s:
            facts['delay [s]'] = f'{clock.delay_s:.2f} (is the sampling rate right?)'
        if self._counter is not None and self._counter.repeated:
            facts['samples sent twice'] = str(self._counter.repeated)
        if self.restarts:
            facts['restarts of the counter'] = str(self.restarts)
        return facts

    def _newest(self, arrival_s: float, n_samples: int) -> float:
        """Return the index of a sample that is acquired now; of the first block, its last one."""
        return self.clock.sample_at(arrival_s) if self._end_sample else n_samples - 1

    def _skip_untraced(self) -> None:
        """Skip samples that only a lasting delay shows to be lost: whole rounds of the counter."""
        lag_s = self.clock.lag_s()
        missing = round(lag_s * self._rate / self._quantum) * self._quantum
        if lag_s > self._lag_limit_s and missing:
            self.skip(missing)
            self.clock.forget_lag()

    def _flush(self) -> None:
        """Complete the samples that wait, as one block or several of limited length."""
        if not self._n_waiting:
            return
        data = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        first_sample = self._end_sample - self._n_waiting
        self._waiting, self._n_waiting = [], 0
        longest = LONGEST_BLOCK * self._shortest
        for start in range(0, len(data), longest):
            stamp_ns = self.clock.stamp_ns(first_sample + start)
            part = data[start : start + longest]
            self._blocks.append(Block(first_sample + start, stamp_ns, part))
