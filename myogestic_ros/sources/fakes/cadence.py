"""Send packets at the true cadence of a device, with faults on request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from myogestic_ros.core.signals import Samples
from myogestic_ros.sources.fakes.signals import Signal

__all__ = ['Cadence', 'Faults', 'Packet']


@dataclass(frozen=True)
class Faults:
    """Faults of a fake device.

    Attributes
    ----------
    drop : float
        Share of the packets that are lost, 0 to 1.
    stall_s : float
        Every 2 s, packets are held back for that time and then sent at once, s.
    drift_ppm : float
        Deviation of the device's clock, ppm.
    disconnect_after_s : float
        The connection is cut after that time, at any byte, s; 0: never.
    seed : int
        Seed of the random faults.
    """

    drop: float = 0.0
    stall_s: float = 0.0
    drift_ppm: float = 0.0
    disconnect_after_s: float = 0.0
    seed: int = 1


STALL_INTERVAL_S = 2.0


class Packet(NamedTuple):
    """Samples that are due: index of the first, and data in volt, (n_samples, n_channels).

    ``cut`` tells that the connection is to be cut while the packet is sent.
    """

    first_sample: int
    data: Samples
    cut: bool = False


class Cadence:
    """Packets of a fake device, each when it is due.

    Parameters
    ----------
    signal : Signal
        The samples.
    sampling_rate : float
        Sampling rate, Hz.
    packet : int
        Samples per packet.
    faults : Faults
        Faults to make.
    stopped : threading.Event
        Set to end the packets.
    report : callable
        Called with a line about each lost packet.
    """

    def __init__(
        self,
        signal: Signal,
        sampling_rate: float,
        packet: int,
        faults: Faults,
        stopped: threading.Event,
        report: Callable[[str], None],
    ) -> None:
        self._signal = signal
        self._rate = sampling_rate * (1.0 + faults.drift_ppm * 1e-6)
        self._packet = packet
        self._faults = faults
        self._stopped = stopped
        self._report = report
        self._rng = np.random.default_rng(faults.seed)
        self._sample = 0
        self._begin_s = time.monotonic()

    def packets(self) -> Iterator[Packet]:
        """Yield packets as they become due, until stopped or, with a fault, disconnected.

        A sample that was acquired while nobody was connected is lost: the first packet is due now.
        """
        opened_s = time.monotonic()
        self._sample = max(self._sample, int((opened_s - self._begin_s) * self._rate))
        while not self._stopped.is_set():
            first = self._sample
            self._sample += self._packet
            data = self._signal.take(self._packet, first)
            due_s = self._begin_s + self._sample / self._rate
            due_s = max(due_s, self._stall_end_s(due_s - opened_s) + opened_s)
            if self._stopped.wait(max(0.0, due_s - time.monotonic())):
                return
            limit_s = self._faults.disconnect_after_s
            if limit_s and time.monotonic() - opened_s > limit_s:
                yield Packet(first, data, cut=True)
                return
            if self._rng.random() < self._faults.drop:
                self._report(f'lost {self._packet} samples at {first}')
                continue
            yield Packet(first, data)

    def _stall_end_s(self, running_s: float) -> float:
        """Return until when a packet that is due at a time is held back, s."""
        rounds, into_s = divmod(running_s, STALL_INTERVAL_S)
        stalled = rounds and into_s < self._faults.stall_s
        return rounds * STALL_INTERVAL_S + self._faults.stall_s if stalled else 0.0
