"""Plot a session: signal, labels and lost samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.quality.envelope import Envelope
from myogestic_ros.sessions.quality.statistics import SessionStatistics, StreamStatistics

__all__ = ['draw']

MAX_TRACES = 16
"""Up to this many channels are drawn as traces, more as an image of their RMS."""

LOST = '#d6604d'
SEPARATOR = '#b8c0c8'


def draw(found: SessionStatistics, file: Path) -> None:
    """Plot the primary stream of a session into a file.

    Parameters
    ----------
    found : SessionStatistics
        Statistics of the session.
    file : Path
        PNG, SVG or PDF file.

    Raises
    ------
    SessionError
        If the session has no signal, or the file cannot be written.
    """
    stream = found.primary
    if stream is None or stream.envelope is None:
        raise SessionError(f"Session '{found.session.name}' has no signal to draw.")
    channels, rate = stream.formats[0]
    traces = channels <= MAX_TRACES
    height = 2.2 + (0.55 * channels if traces else 4.5)
    figure, (cues, axes) = plt.subplots(
        2,
        1,
        figsize=(13, height),
        sharex=True,
        layout='constrained',
        height_ratios=[0.45, height - 1.5],
    )
    (_draw_traces if traces else _draw_image)(axes, stream, stream.envelope)
    _draw_labels(cues, axes if traces else None, found)
    for gap in stream.gaps:
        if gap.missing > 0:
            start = gap.at_s - gap.missing / rate
            axes.axvspan(start, gap.at_s, facecolor=f'{LOST}55', edgecolor=LOST, hatch='///')
        else:
            axes.axvline(gap.at_s, color=LOST, linewidth=1)
    axes.set_xlim(0, max(stream.duration_s, 1e-3))
    axes.set_xlabel('time (s)')
    lost = f'{stream.lost} samples lost' if stream.lost else 'no sample lost'
    figure.suptitle(f'{found.session.name}: {channels} channels at {rate:g} Hz, {lost}')
    try:
        figure.savefig(file, dpi=110)
    except (OSError, ValueError) as error:
        raise SessionError(f'{file} cannot be written: {error}') from error
    finally:
        plt.close(figure)


def _draw_traces(axes: Any, stream: StreamStatistics, envelope: Envelope) -> None:
    """Draw the range of each channel over time, with a scale bar."""
    low = envelope.low - stream.mean
    high = envelope.high - stream.mean
    finite = np.isfinite(low).all(axis=1)
    swing = np.percentile((high - low)[finite], 99) if finite.any() else 0.0
    step = float(swing) or 1.0
    times_s = envelope.times_s
    for channel in range(low.shape[1]):
        axes.fill_between(
            times_s,
            np.clip(low[:, channel] / step, -0.7, 0.7) - channel,
            np.clip(high[:, channel] / step, -0.7, 0.7) - channel,
            color='#1f2933',
            linewidth=0.3,
            zorder=2,
        )
    names = [stream.channel_name(channel) for channel in range(low.shape[1])]
    axes.set_yticks(-np.arange(len(names)), names)
    axes.set_ylim(-len(names) + 0.2, 0.8)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    _draw_scale(axes, step, 1 - len(names))


def _draw_scale(axes: Any, step: float, row: int) -> None:
    """Draw a vertical scale bar right of a trace; ``step`` is the distance of two traces, V."""
    exponent = np.floor(np.log10(step))
    volt = max(f * 10.0**exponent for f in (1, 2, 5) if f * 10.0**exponent <= step * (1 + 1e-9))
    half = volt / step / 2
    right = axes.get_yaxis_transform()  # x: 0 to 1 across the axes; y: data
    axes.plot(
        [1.008, 1.008],
        [row - half, row + half],
        transform=right,
        color='black',
        linewidth=2.5,
        solid_capstyle='butt',
        clip_on=False,
    )
    unit, factor = ('mV', 1e3) if volt >= 0.9995e-3 else ('µV', 1e6)
    label = f'{volt * factor:.3g} {unit}'
    axes.text(1.013, row, label, transform=right, va='center', fontsize=9)


def _draw_image(axes: Any, stream: StreamStatistics, envelope: Envelope) -> None:
    """Draw the RMS of each channel over time as colours."""
    rms = envelope.rms * 1e6
    top = float(np.nanpercentile(rms, 99)) if np.isfinite(rms).any() else 1.0
    edge = float(envelope.times_s[-1]) + envelope.width_s / 2
    image = axes.imshow(
        rms.T,
        aspect='auto',
        interpolation='nearest',
        cmap='viridis',
        vmin=0,
        vmax=top or 1.0,
        extent=(0, edge, rms.shape[1] + 0.5, 0.5),
    )
    axes.figure.colorbar(image, ax=axes, label='RMS (µV)', pad=0.01)
    axes.set_ylabel('channel')


def _draw_labels(cues: Any, traces: Any, found: SessionStatistics) -> None:
    """Draw the labels as a band above the signal, and their borders across the traces."""
    palette = plt.get_cmap('tab10' if len(found.class_spans()) <= 10 else 'tab20')
    handles = []
    for place, ((index, name), spans) in enumerate(found.class_spans().items()):
        colour = palette(place % palette.N)
        handles.append(Patch(color=colour, label=name or f'class {index}'))
        for span in spans:
            cues.axvspan(span.start_s, span.end_s, color=colour, linewidth=0)
    for span in found.spans:
        cues.axvline(span.start_s, color='white', linewidth=0.6)
        if traces is not None:
            for at_s in (span.start_s, span.end_s):
                traces.axvline(at_s, color=SEPARATOR, linewidth=0.6, zorder=1)
    cues.set_yticks([])
    cues.tick_params(axis='x', length=0)
    cues.set_ylim(0, 1)
    for side in ('top', 'right', 'left', 'bottom'):
        cues.spines[side].set_visible(False)
    if handles:
        cues.legend(
            handles=handles,
            loc='lower left',
            bbox_to_anchor=(0, 1),
            ncols=min(10, len(handles)),
            frameon=False,
            fontsize=9,
        )
    else:
        cues.set_title('no labels', loc='left', size=9)
