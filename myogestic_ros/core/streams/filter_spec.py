"""Specification of the filters of a stream: band-pass, mains notch, common average reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.public_address import public_address

__all__ = ['SETTLED', 'FilterSpec']

SETTLED = 0.01
"""A filter has settled when at most this share of its initial transient is left."""

MAX_ORDER = 10
MAX_HARMONICS = 40

Sections = NDArray[np.float64]


@public_address
@dataclass(frozen=True, slots=True)
class FilterSpec:
    """Causal filters for every channel of a stream; by default, none.

    The same filters run live, in replay and in training: a Butterworth band-pass, second-order IIR
    notches at the mains frequency and its harmonics, and the common average reference. Windows are
    cut from samples that the settled filter has seen only.

    Attributes
    ----------
    bandpass : tuple of float
        Lower and upper edge (-3 dB) of a Butterworth filter, in Hz; 0: no such edge. So
        ``(20, 0)`` is a high-pass and ``(0, 450)`` a low-pass.
    order : int
        Order of the Butterworth filter at each edge, 1 to 10.
    notch : float
        Mains frequency, in Hz; 0: no notch.
    harmonics : int
        Number of notches, 1 to 40: 1 for the mains frequency only, 2 to include its double, and so
        on. Notches above half the sampling rate are left out.
    notch_width : float
        Width of each notch (-3 dB), in Hz. A narrow notch removes less of the signal and takes
        longer to settle.
    common_average : bool
        If true, the mean of all channels is subtracted from each of them, sample by sample.

    Raises
    ------
    SignalError
        If the values do not describe a filter at any sampling rate. The message names all errors.
    """

    bandpass: tuple[float, float] = (0.0, 0.0)
    order: int = 4
    notch: float = 0.0
    harmonics: int = 3
    notch_width: float = 3.0
    common_average: bool = False

    def __post_init__(self) -> None:
        edges = tuple(float(edge) for edge in self.bandpass)  # a list from JSON
        object.__setattr__(self, 'bandpass', edges)
        errors = []
        if len(edges) != 2 or min(edges) < 0 or not all(map(math.isfinite, edges)):
            errors.append(f'bandpass {list(edges)}, expected two edges in Hz, 0 for no edge')
        elif edges[1] and edges[0] >= edges[1]:
            errors.append(f'bandpass {list(edges)}, expected the lower edge below the upper')
        if not 1 <= self.order <= MAX_ORDER:
            errors.append(f'order {self.order}, expected 1 to {MAX_ORDER}')
        if not 1 <= self.harmonics <= MAX_HARMONICS:
            errors.append(f'harmonics {self.harmonics}, expected 1 to {MAX_HARMONICS}')
        if not (math.isfinite(self.notch) and self.notch >= 0):
            errors.append(f'notch {self.notch:g}, expected a frequency in Hz, 0 for no notch')
        if not 0 < self.notch_width < math.inf or 0 < self.notch <= self.notch_width:
            errors.append(
                f'notch_width {self.notch_width:g}, expected more than 0 and less than notch'
            )
        if errors:
            raise SignalError(f'Invalid filter: {"; ".join(errors)}.')

    @classmethod
    def from_value(cls, values: FilterSpec | Mapping[str, Any] | None) -> FilterSpec | None:
        """Return the specification for None, a `FilterSpec` or a dict of its fields.

        Parameters
        ----------
        values : FilterSpec, mapping or None
            For example the dict that `to_json` returned.

        Raises
        ------
        TypeError
            If the mapping has unknown keys or values of a wrong type.
        ValueError
            If the values do not describe a filter.
        """
        if values is None or isinstance(values, FilterSpec):
            return values
        try:
            return cls(**values)
        except SignalError as error:
            raise ValueError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dict of JSON types."""
        return asdict(self) | {'bandpass': list(self.bandpass)}

    @property
    def is_off(self) -> bool:
        """True if the filters change nothing."""
        return not (any(self.bandpass) or self.notch or self.common_average)

    def __str__(self) -> str:
        """Describe the filters completely: equal texts mean equal filters."""
        low, high = self.bandpass
        parts = []
        if low or high:
            band = f'{low:g} to {high:g} Hz' if low and high else f'{low or high:g} Hz'
            kind = 'band-pass' if low and high else 'high-pass' if low else 'low-pass'
            parts.append(f'{kind} {band} of order {self.order}')
        if self.notch:
            lines = f', {self.harmonics} lines' if self.harmonics > 1 else ''
            parts.append(f'notch {self.notch:g} Hz{lines}, {self.notch_width:g} Hz wide')
        if self.common_average:
            parts.append('common average')
        return '; '.join(parts) or 'none'

    def incompatibility(self, n_channels: int, sampling_rate: float) -> str | None:
        """Return the reason why the filters cannot be applied to a stream; None if they can.

        Parameters
        ----------
        n_channels : int
            Number of channels of the stream.
        sampling_rate : float
            Sampling rate of the stream, in Hz.
        """
        half = sampling_rate / 2
        for name, value in (('notch', self.notch), ('bandpass edge', max(self.bandpass))):
            if value >= half:
                return (
                    f'its {name}, {value:g} Hz, is not below half the sampling rate, {half:g} Hz'
                )
        if self.common_average and n_channels < 2:
            return 'the common average of a single channel would leave only zeros'
        return None

    def sections(self, sampling_rate: float) -> Sections:
        """Return the second-order sections, in the format of `scipy.signal.sosfilt`.

        Parameters
        ----------
        sampling_rate : float
            Sampling rate, in Hz.

        Returns
        -------
        ndarray of float64, shape (n_sections, 6)
        """
        from scipy import signal  # takes 0.5 s: imported only if filters are used

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
        """Return the number of samples until the initial transient has decayed.

        The slowest mode decays as ``radius**n``, with the largest pole radius; it has settled at
        `SETTLED`.

        Parameters
        ----------
        sampling_rate : float
            Sampling rate, in Hz.
        """
        sections = self.sections(sampling_rate)
        if not len(sections):
            return 0
        radius = max(float(np.abs(np.roots(section[3:])).max()) for section in sections)
        if radius <= 0:
            return 0
        return math.ceil(math.log(SETTLED) / math.log(radius))
