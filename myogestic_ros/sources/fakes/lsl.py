"""Fake amplifier that offers its samples as an LSL outlet, and markers as another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from myogestic_ros.sources.acquisition.libraries import optional_library
from myogestic_ros.sources.fakes.fake import Fake, FakeSettings

__all__ = ['FakeLsl']

PER_VOLT = {'microvolts': 1e6, 'uV': 1e6, 'mV': 1e3, 'V': 1.0}
STEP = 0.25e-6
"""Step of the pattern, V."""


class FakeLsl(Fake):
    """An outlet. Options: name, type, source_id, unit (empty: none), rate=0 (irregular), markers.

    With ``markers=NAME``, an outlet of that name sends 'fist' and '' in turn every half second.
    """

    def __init__(
        self, settings: FakeSettings, report: Callable[[str], None] = lambda line: None
    ) -> None:
        super().__init__(settings, report)
        self._pylsl = optional_library('pylsl', 'pylsl>=1.18', 'lsl')

    def run(self) -> None:
        """Stream until stopped; with a cut connection, offer another outlet after a second."""
        while not self.stopped.is_set():
            self.stream()
            self.report('outlet closed')
            self.stopped.wait(1.0)

    def stream(self) -> None:
        """Offer the outlets until stopped or cut."""
        n_channels = self.settings.channels or 8
        rate = self.settings.sampling_rate or 2000.0
        per_volt = PER_VOLT.get(self.settings.options.get('unit', ''), 1e6)
        outlet = self._sample_outlet(n_channels, rate)
        markers = self._marker_outlet(self.settings.options.get('markers', ''))
        self.report('outlet open')
        next_marker_s, texts = time.monotonic() + 0.5, ['fist', '']
        size = max(1, round(rate / 100))
        # The hardware stamps its samples: the stamp of a packet is that of its newest sample.
        origin_s: float | None = None
        true_rate = rate * (1.0 + self.settings.faults.drift_ppm * 1e-6)
        for packet in self.packets(n_channels, rate, size, STEP):
            newest = packet.first_sample + size - 1
            if origin_s is None:
                origin_s = self._pylsl.local_clock() - newest / true_rate
            data = np.ascontiguousarray(packet.data * np.float32(per_volt))
            outlet.push_chunk(data, origin_s + newest / true_rate)
            if markers is not None and time.monotonic() > next_marker_s:
                next_marker_s += 0.5
                markers.push_sample([texts[0]], self._pylsl.local_clock())
                texts.reverse()

    def _sample_outlet(self, n_channels: int, rate: float) -> Any:
        options, pylsl = self.settings.options, self._pylsl
        info = pylsl.StreamInfo(
            options.get('name', 'FakeEMG'),
            options.get('type', 'EMG'),
            n_channels,
            0.0 if options.get('rate') == '0' else rate,
            pylsl.cf_float32,
            options.get('source_id', 'fake-1'),
        )
        channels = info.desc().append_child('channels')
        for n in range(n_channels):
            channel = channels.append_child('channel')
            channel.append_child_value('label', f'E{n + 1}')
            if options.get('unit', 'microvolts'):
                channel.append_child_value('unit', options.get('unit', 'microvolts'))
        return pylsl.StreamOutlet(info, max_buffered=5)

    def _marker_outlet(self, name: str) -> Any:
        if not name:
            return None
        pylsl = self._pylsl
        info = pylsl.StreamInfo(name, 'Markers', 1, 0.0, pylsl.cf_string, f'{name}-1')
        return pylsl.StreamOutlet(info)
