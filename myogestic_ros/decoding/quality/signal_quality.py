"""Checks of the signal: dead or saturated channels, offsets, mains interference, envelopes.

Each check takes a summary (`myogestic_ros.decoding.quality.signal_summary`) and returns sentences
that name the finding, its probable cause and the correction. Its docstring documents the threshold
and the reason for it. Thresholds are chosen so that good recordings give no warning: warnings that
are always there are not read.
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
    """Warn about channels that are constant or have at most 2 % of the median amplitude.

    EMG amplitudes differ between electrodes of one array by a factor of at most ten. A factor of 30
    to 100 indicates a broken lead or an unconnected input. A dead channel reduces the accuracy
    slightly, and much more if it works again later.
    """
    amplitude = _amplitude(summary)
    usual = float(np.median(amplitude))
    bad = np.flatnonzero((amplitude <= usual / 50) | (amplitude == 0))
    if not bad.size:
        return []
    if bad.size == len(amplitude):
        return [
            f"Session '{summary.session}': the signal is constant on all channels. Check that the device is on and "
            f'connected.'
        ]
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} flat (less than 2 % of the "
        f'median amplitude): a loose lead or an electrode without contact. Repair it, or leave the '
        f'channel out.'
    ]


def saturation(summary: SignalSummary) -> list[str]:
    """Warn about channels at a limit of the amplifier's range in more than 0.5 % of the samples.

    Runs of three or more equal samples at the maximum or minimum of the session are counted: a peak
    reaches its maximum once, a saturated signal stays there. Some saturation in the strongest
    bursts is common with small armbands and harmless. Above 0.5 %, amplitudes no longer increase
    with effort.
    """
    lows = np.array([segment.low for segment in summary.segments])
    highs = np.array([segment.high for segment in summary.segments])
    saturated = np.array([segment.saturated for segment in summary.segments])
    weights = np.array([segment.n_samples for segment in summary.segments], np.float64)
    at_end = (lows <= lows.min(axis=0)) | (highs >= highs.max(axis=0))
    moving = lows.min(axis=0) < highs.max(axis=0)
    share = (np.where(at_end, saturated, 0.0) * weights[:, np.newaxis]).sum(axis=0) / weights.sum()
    bad = np.flatnonzero((share > 0.005) & moving & ~_rectified(summary))
    if not bad.size:
        return []
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} saturated (up to "
        f'{share[bad].max():.1%} of the samples are at a limit of the range): reduce the gain, or '
        f'look for a moving electrode.'
    ]


def offsets(summary: SignalSummary) -> list[str]:
    """Warn about channels with a constant offset above ten times their amplitude.

    Features such as MAV and RMS then measure the offset. Amplifiers without a high-pass filter have
    such offsets. Above a factor of ten, the amplitude contributes less than 0.5 % to the RMS.
    """
    weights = [segment.n_samples for segment in summary.segments]
    mean = np.average([segment.mean for segment in summary.segments], axis=0, weights=weights)
    amplitude = _amplitude(summary)
    bad = np.flatnonzero((np.abs(mean) > 10 * amplitude) & (amplitude > 0))
    if not bad.size:
        return []
    return [
        f"Session '{summary.session}': {_channels(summary, bad)} on a DC offset (up to "
        f'{_volts(float(np.abs(mean[bad]).max()))}, {np.max(np.abs(mean[bad]) / amplitude[bad]):.0f} '
        f'times the amplitude): use a high-pass filter at 20 Hz.'
    ]


def mains(summary: SignalSummary) -> list[str]:
    """Warn about mains interference at rest: 50 % of a channel's power, or 10 % on half of them.

    Muscle activity masks the interference, so it is measured where the signal is weakest: in the
    class of lowest amplitude, or without labels in the quarter of lowest power. Only power above
    10 Hz is used. The power of the line at 50 or 60 Hz and of its harmonics is that above the
    neighbouring spectrum, within 2 Hz. A share of 10 % changes the RMS at rest by 5 %, and more if
    the cables lie differently on another day. Single electrodes with a smaller share occur in good
    sessions (2 of 15 with a Myo armband). A notch filter removes the interference.
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
        f"Session '{summary.session}': {_channels(summary, bad)} disturbed by mains interference (at "
        f'rest up to {share_most:.0%} of the power is at {frequency} Hz and its harmonics): use a '
        f'notch filter, moisten the electrodes, check the reference electrode, or run the amplifier '
        f'from its battery.'
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
    """Return the segments of the class of lowest power; without labels, the lowest quarter."""
    usable = [segment for segment in summary.segments if segment.spectrum.any()]
    power = np.array([float(np.median(s.spectrum[:, 10:].sum(axis=1))) for s in usable])
    classes = np.array([segment.class_index for segment in usable])
    labelled = set(classes[classes != NO_CLASS].tolist())
    if len(labelled) > 1:
        least = min(labelled, key=lambda index: float(np.median(power[classes == index])))
        return [segment for segment in usable if segment.class_index == least]
    limit = np.quantile(power, 0.25) if len(usable) else 0.0
    return [s for s, own in zip(usable, power, strict=True) if own <= limit] or summary.segments


def envelopes(summary: SignalSummary) -> list[str]:
    """Warn about rectified EMG or an envelope instead of raw EMG.

    Rectified: all samples have the same sign, and the signal is not just offset: the sample nearest
    to zero is within one amplitude of zero, the mean within ten. Smoothed: more than 95 % of the
    power above 0 Hz is below 20 Hz, where surface EMG has little power (its median frequency is 60
    to 120 Hz). Zero crossings, slope sign changes, spectra and covariances of such signals are
    meaningless.
    """
    spectrum = _spectrum(summary)
    power = spectrum[:, 1:].sum(axis=1)
    moving = power > 0
    if spectrum.shape[1] > 40:  # sampled at more than 80 Hz
        slow = np.divide(
            spectrum[:, 1:20].sum(axis=1), power, where=moving, out=np.zeros(len(power))
        )
    else:
        slow = np.zeros(len(power))
    smoothed, rectified = slow > 0.95, _rectified(summary)
    if moving.any() and rectified[moving].mean() > 0.5:
        return [
            f"Session '{summary.session}': no sample is negative: this seems to be rectified "
            f'EMG or an envelope, not raw EMG. Set the amplifier to send the raw signal.'
        ]
    if moving.any() and smoothed[moving].mean() > 0.5:
        return [
            f"Session '{summary.session}': {float(np.median(slow[moving])):.0%} of the power lies "
            f'below 20 Hz: this seems to be an envelope or movement of the cables, not raw EMG. '
            f'Record the raw signal, or use a high-pass filter at 20 Hz.'
        ]
    return []


def _amplitude(summary: SignalSummary) -> Floats:
    """Return the root mean square amplitude of each channel, volt, shape (n_channels,)."""
    amplitude: Floats = np.sqrt(np.nanmean(summary.envelope**2, axis=0))
    return amplitude


def _spectrum(summary: SignalSummary, segments: Sequence[Segment] = ()) -> Floats:
    """Return the mean spectrum of some or all segments, shape (n_channels, n_frequencies)."""
    chosen = segments or summary.segments
    weights = [segment.n_samples for segment in chosen]
    spectrum: Floats = np.average([s.spectrum for s in chosen], axis=0, weights=weights)
    return spectrum


def _rectified(summary: SignalSummary) -> NDArray[np.bool_]:
    """Return True for channels of one sign that come near zero, shape (n_channels,)."""
    low = np.min([segment.low for segment in summary.segments], axis=0)
    high = np.max([segment.high for segment in summary.segments], axis=0)
    weights = [segment.n_samples for segment in summary.segments]
    mean = np.average([segment.mean for segment in summary.segments], axis=0, weights=weights)
    amplitude = np.maximum(_amplitude(summary), 1e-30)
    one_sign = (low >= 0) | (high <= 0)
    nearest = np.minimum(np.abs(low), np.abs(high))
    result: NDArray[np.bool_] = (
        one_sign & (nearest < amplitude) & (np.abs(mean) < 10 * amplitude) & (high > low)
    )
    return result


def _channels(summary: SignalSummary, indices: Any) -> str:
    """Return names of channels with the verb: 'channel 3 is', 'channels 1, 2 and 9 more are'."""
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
