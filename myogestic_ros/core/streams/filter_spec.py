"""What is filtered on the way in: a band, the mains, what all channels have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SignalError

__all__ = ['SETTLED', 'FilterSpec']

SETTLED = 0.01
"""A filter counts as settled when so much, at most, is left of what it did not see before."""

MAX_ORDER = 10
MAX_HARMONICS = 40

Sections = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """A causal filter for every channel of a stream; as it is, it changes nothing.

    Attributes
    ----------
    bandpass : tuple of float
        Lower and upper edge (-3 dB), Hz, of a Butterworth filter; 0: no such edge, so that
        ``(20, 0)`` is a high-pass and ``(0, 450)`` a low-pass.
    order : int
        Order of the filter at each edge.
    notch : float
        Frequency of the mains, Hz; 0: no notch.
    harmonics : int
        So many lines of the mains are notched: 1 the frequency itself, 2 also twice of it, …;
        those above half the sampling rate do not exist and are left out.
    notch_width : float
        Width of each notch (-3 dB), Hz. A narrow one takes less of the signal, and longer to
        settle.
    common_average : bool
        Whether the mean of all channels is taken from each of them, sample by sample.

    Raises
    ------
    SignalError
        When the numbers make no filter at any rate.
    """

    bandpass: tuple[float, float] = (0.0, 0.0)
    order: int = 4
    notch: float = 0.0
    harmonics: int = 3
    notch_width: float = 3.0
    common_average: bool = False

    def __post_init__(self) -> None:
        edges = tuple(float(edge) for edge in self.bandpass)  # a list when it comes from JSON
        object.__setattr__(self, 'bandpass', edges)
        faults = []
        if len(edges) != 2 or min(edges) < 0 or not all(map(math.isfinite, edges)):
            faults.append(f'bandpass {list(edges)}, expected two edges in Hz, 0 for none')
        elif edges[1] and edges[0] >= edges[1]:
            faults.append(f'bandpass {list(edges)}, expected the lower edge before the upper')
        if not 1 <= self.order <= MAX_ORDER:
            faults.append(f'order {self.order}, expected 1 to {MAX_ORDER}')
        if not 1 <= self.harmonics <= MAX_HARMONICS:
            faults.append(f'harmonics {self.harmonics}, expected 1 to {MAX_HARMONICS}')
        if not (math.isfinite(self.notch) and self.notch >= 0):
            faults.append(f'notch {self.notch:g}, expected a frequency in Hz, 0 for none')
        if not 0 < self.notch_width < math.inf or 0 < self.notch <= self.notch_width:
            faults.append(
                f'notch_width {self.notch_width:g}, expected more than 0 and less than notch'
            )
        if faults:
            raise SignalError(f'No filter can be made of this: {"; ".join(faults)}.')

    @classmethod
    def from_value(cls, values: FilterSpec | Mapping[str, Any] | None) -> FilterSpec | None:
        """Return the spec in JSON values; raises ValueError or TypeError when there is none."""
        if values is None or isinstance(values, FilterSpec):
            return values
        try:
            return cls(**values)
        except SignalError as error:
            raise ValueError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON types."""
        return asdict(self) | {'bandpass': list(self.bandpass)}

    @property
    def is_off(self) -> bool:
        """Whether it changes nothing."""
        return not (any(self.bandpass) or self.notch or self.common_average)

    def __str__(self) -> str:
        """Say what it does, all of it: two that read the same do the same."""
        low, high = self.bandpass
        told = []
        if low or high:
            band = f'{low:g} to {high:g} Hz' if low and high else f'{low or high:g} Hz'
            kind = 'band-pass' if low and high else 'high-pass' if low else 'low-pass'
            told.append(f'{kind} {band} of order {self.order}')
        if self.notch:
            lines = f', {self.harmonics} lines' if self.harmonics > 1 else ''
            told.append(f'notch {self.notch:g} Hz{lines}, {self.notch_width:g} Hz wide')
        if self.common_average:
            told.append('common average')
        return '; '.join(told) or 'none'

    def incompatibility(self, n_channels: int, sampling_rate: float) -> str | None:
        """Return why it cannot be applied to such a stream, in half a sentence; else None."""
        half = sampling_rate / 2
        for what, value in (('notch', self.notch), ('edge of the bandpass', max(self.bandpass))):
            if value >= half:
                return (
                    f'its {what}, {value:g} Hz, is not below half the sampling rate, {half:g} Hz'
                )
        if self.common_average and n_channels < 2:
            return 'the common average of a single channel would leave nothing'
        return None

    def sections(self, sampling_rate: float) -> Sections:
        """Return its second-order sections, shape (n_sections, 6), as SciPy orders them."""
        from scipy import signal  # half a second, for those who filter

        low, high = self.bandpass
        found = [np.empty((0, 6))]
        if low or high:
            kind = 'bandpass' if low and high else 'highpass' if low else 'lowpass'
            edges = [low, high] if low and high else low or high
            found.append(signal.butter(self.order, edges, kind, fs=sampling_rate, output='sos'))
        lines = [self.notch * n for n in range(1, self.harmonics + 1)] if self.notch else []
        for line in lines:
            if line < sampling_rate / 2:
                b, a = signal.iirnotch(line, line / self.notch_width, fs=sampling_rate)
                found.append(np.concatenate([b, a])[np.newaxis])
        return np.concatenate(found)

    def settle_samples(self, sampling_rate: float) -> int:
        """Return after how many samples it has forgotten what came before the first.

        The slowest of its modes decays as ``radius**n``; it has settled when that is `SETTLED`.
        """
        sections = self.sections(sampling_rate)
        if not len(sections):
            return 0
        radius = max(float(np.abs(np.roots(section[3:])).max()) for section in sections)
        if radius <= 0:
            return 0
        return math.ceil(math.log(SETTLED) / math.log(radius))
