"""What spoils the signal itself: dead or clipped channels, offsets, mains hum, envelopes.

Each check is a function of summaries (`myogestic_ros.decoding.quality.signal_summary`) and returns
sentences: what was found, what it probably is, and what to do. Its threshold, and why it is that,
stands in its docstring. Thresholds are meant to be crossed by what harms, not by what is merely
untidy: a warning that comes with every good recording is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.decoding.quality.signal_summary import Segment, SignalSummary

__all__ = ['dead_channels', 'envelopes', 'mains', 'offsets', 'saturation']

Floats = NDArray[np.float64]


def dead_channels(summary: SignalSummary) -> list[str]:
    """Channels that say nothing: constant, or a fiftieth of the others' amplitude.

    EMG amplitudes differ between electrodes of one array by a factor of ten at most (a muscle
    near one, none near another); thirty to a hundred times less is a broken lead or an input
    that is not connected. A dead channel makes a decoder worse little by little, and a lot when
    it comes back to life.
    """
    amplitude = _amplitude(summary)
    usual = float(np.median(amplitude))
    bad = np.flatnonzero((amplitude <= usual / 50) | (amplitude == 0))
    if not bad.size:
        return []
    if bad.size == len(amplitude):
        return [f"Session '{summary.session}': the signal is flat on every channel; is it on?"]
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} flat (less than 2 % of the "
        f'amplitude of the others): a loose lead or an electrode without contact. Mend it, or '
        f'leave the channel out.'
    ]


def saturation(summary: SignalSummary) -> list[str]:
    """Channels at the end of the amplifier's range for more than one sample in 200.

    Counted are runs of three or more equal samples at the highest or lowest value of the
    session: a peak touches its maximum once, a clipped one stays there. Some clipping in the
    strongest bursts is common with small armbands and harmless; from half a percent on amplitudes
    stop growing with effort.
    """
    lows = np.array([stretch.low for stretch in summary.stretches])
    highs = np.array([stretch.high for stretch in summary.stretches])
    held = np.array([stretch.held for stretch in summary.stretches])
    weights = np.array([stretch.n_samples for stretch in summary.stretches], np.float64)
    at_end = (lows <= lows.min(axis=0)) | (highs >= highs.max(axis=0))
    moving = lows.min(axis=0) < highs.max(axis=0)
    share = (np.where(at_end, held, 0.0) * weights[:, np.newaxis]).sum(axis=0) / weights.sum()
    bad = np.flatnonzero((share > 0.005) & moving & ~_rectified(summary))
    if not bad.size:
        return []
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} saturated (up to "
        f'{share[bad].max():.1%} of the samples stand at the end of the range): lower the gain, '
        f'or look for an electrode that moves.'
    ]


def offsets(summary: SignalSummary) -> list[str]:
    """Channels whose constant offset is more than ten times their amplitude.

    Features like MAV and RMS then measure the offset and not the muscle; amplifiers without a
    high-pass (a raw ADC) deliver that. Ten times: the amplitude's share of the RMS is below half
    a percent then.
    """
    weights = [stretch.n_samples for stretch in summary.stretches]
    mean = np.average([stretch.mean for stretch in summary.stretches], axis=0, weights=weights)
    amplitude = _amplitude(summary)
    bad = np.flatnonzero((np.abs(mean) > 10 * amplitude) & (amplitude > 0))
    if not bad.size:
        return []
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} on top of a DC offset (up to "
        f'{_volts(float(np.abs(mean[bad]).max()))}, {np.max(np.abs(mean[bad]) / amplitude[bad]):.0f} '
        f'times the amplitude): use a high-pass at 20 Hz.'
    ]


def mains(summary: SignalSummary) -> list[str]:
    """Mains hum: at rest half of a channel's power, or a tenth of it on half of the channels.

    Muscle drowns the hum, so it is looked for where the signal is weakest: in the class of least
    amplitude, without labels in the quietest quarter. Power is taken above 10 Hz; the line's, at
    50 or 60 Hz and the harmonics, is what exceeds the spectrum beside it within 2 Hz. A tenth
    changes an RMS at rest by 5 %, and much more on the day the cable lies elsewhere; a single
    electrode with a little of it is found in good sessions too (2 of 15 with a Myo armband).
    It is a warning on the raw signal: with a notch on the way in nothing needs to be done.
    """
    spectrum = _spectrum(summary, _weakest(summary))
    total = spectrum[:, 10:].sum(axis=1)
    worst: list[tuple[float, int, Any]] = []
    for frequency in (50, 60):
        share = np.divide(
            _line(spectrum, frequency), total, out=np.zeros(len(total)), where=total > 0
        )
        bad = np.flatnonzero(share > 0.1)
        if bad.size >= len(share) / 2 or (share > 0.5).any():
            worst.append((float(share.max()), frequency, bad))
    if not worst:
        return []
    share_most, frequency, bad = max(worst, key=lambda entry: entry[0])
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} full of mains hum (at rest up to "
        f'{share_most:.0%} of the power is at {frequency} Hz and its harmonics): use a notch, wet '
        f'the electrodes, check the reference, run the amplifier from its battery.'
    ]


def _line(spectrum: Floats, frequency: int) -> Floats:
    """Return the power of a line and its harmonics, shape (n_channels,)."""
    line = np.zeros(len(spectrum))
    for harmonic in range(frequency, spectrum.shape[1] - 8, frequency):
        beside = [*range(harmonic - 8, harmonic - 3), *range(harmonic + 4, harmonic + 9)]
        own = spectrum[:, harmonic - 2 : harmonic + 3].sum(axis=1)
        line += np.maximum(0.0, own - 5 * np.median(spectrum[:, beside], axis=1))
    return line


def _weakest(summary: SignalSummary) -> list[Segment]:
    """Return the stretches of the class of least amplitude; without labels the quietest quarter."""
    usable = [stretch for stretch in summary.stretches if stretch.spectrum.any()]
    power = np.array([float(np.median(s.spectrum[:, 10:].sum(axis=1))) for s in usable])
    classes = np.array([stretch.class_index for stretch in usable])
    labelled = set(classes[classes != NO_CLASS].tolist())
    if len(labelled) > 1:
        least = min(labelled, key=lambda index: float(np.median(power[classes == index])))
        return [stretch for stretch in usable if stretch.class_index == least]
    limit = np.quantile(power, 0.25) if len(usable) else 0.0
    return [s for s, own in zip(usable, power, strict=True) if own <= limit] or summary.stretches


def envelopes(summary: SignalSummary) -> list[str]:
    """An envelope, or rectified EMG, where raw EMG is expected.

    Rectified: no sample is negative (or none positive), while values come down to near zero, so
    that it is no offset: the lowest lies within one standard deviation of zero, and the mean
    within ten. Smoothed: 95 % of the power above 0 Hz lies below 20 Hz, where surface EMG has
    next to none (its median frequency is 60 to 120 Hz). Zero crossings, slope sign changes,
    spectra and covariances mean nothing on either.
    """
    spectrum = _spectrum(summary)
    power = spectrum[:, 1:].sum(axis=1)
    moving = power > 0
    if spectrum.shape[1] > 40:  # sampled at 80 Hz or more: otherwise there is nothing above
        slow = np.divide(
            spectrum[:, 1:20].sum(axis=1), power, where=moving, out=np.zeros(len(power))
        )
    else:
        slow = np.zeros(len(power))
    smoothed, rectified = slow > 0.95, _rectified(summary)
    if moving.any() and rectified[moving].mean() > 0.5:
        return [
            f"Session '{summary.session}': no sample is negative: this looks like rectified EMG "
            f'or an envelope, not like raw EMG. Record the raw signal; many amplifiers can send '
            f'either.'
        ]
    if moving.any() and smoothed[moving].mean() > 0.5:
        return [
            f"Session '{summary.session}': {float(np.median(slow[moving])):.0%} of the power lies "
            f'below 20 Hz: this looks like an envelope, or like movement of the cables, not like '
            f'raw EMG. Record the raw signal, or use a high-pass at 20 Hz.'
        ]
    return []


def _amplitude(summary: SignalSummary) -> Floats:
    """Return the usual amplitude of each channel, shape (n_channels,), volt."""
    amplitude: Floats = np.sqrt(np.nanmean(summary.course**2, axis=0))
    return amplitude


def _spectrum(summary: SignalSummary, stretches: Sequence[Segment] = ()) -> Floats:
    """Return the mean spectrum of some stretches, or all; shape (n_channels, n_frequencies)."""
    chosen = stretches or summary.stretches
    weights = [stretch.n_samples for stretch in chosen]
    spectrum: Floats = np.average([s.spectrum for s in chosen], axis=0, weights=weights)
    return spectrum


def _rectified(summary: SignalSummary) -> NDArray[np.bool_]:
    """Return which channels have one sign only, and come down to zero."""
    low = np.min([stretch.low for stretch in summary.stretches], axis=0)
    high = np.max([stretch.high for stretch in summary.stretches], axis=0)
    weights = [stretch.n_samples for stretch in summary.stretches]
    mean = np.average([stretch.mean for stretch in summary.stretches], axis=0, weights=weights)
    amplitude = np.maximum(_amplitude(summary), 1e-30)
    one_sign = (low >= 0) | (high <= 0)
    nearest = np.minimum(np.abs(low), np.abs(high))
    result: NDArray[np.bool_] = (
        one_sign & (nearest < amplitude) & (np.abs(mean) < 10 * amplitude) & (high > low)
    )
    return result


def _channels(summary: SignalSummary, indices: Any) -> str:
    """Name channels, with the verb: 'channel 3 is', 'channels 1, 2 and 9 more are'."""
    names = [summary.channel_names[index] for index in indices]
    if len(names) == 1:
        return f'channel {names[0]} is'
    if len(names) == len(summary.channel_names):
        return f'all {len(names)} channels are'
    shown = ', '.join(names[:4])
    more = f' and {len(names) - 4} more' if len(names) > 4 else ''
    return f'channels {shown}{more} are'


def _volts(value: float) -> str:
    return f'{value * 1e3:.3g} mV' if value >= 1e-3 else f'{value * 1e6:.3g} µV'
