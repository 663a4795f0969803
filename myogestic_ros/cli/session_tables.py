"""Print sessions as tables and bar plots in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from myogestic_ros.core.signals import NO_CLASS
from myogestic_ros.sessions.exchange.content import Content
from myogestic_ros.sessions.quality.check import Finding
from myogestic_ros.sessions.quality.statistics import SessionStatistics, Span, StreamStatistics
from myogestic_ros.sessions.reading.library import SessionSummary

__all__ = ['print_findings', 'print_imported', 'print_sessions', 'print_survey']

BARS = ' ▁▂▃▄▅▆▇█'
COLOURS = ('white', 'green', 'blue', 'magenta', 'yellow', 'cyan', 'red', 'bright_green')
REPAIR = 'needs repair'
MAX_ROWS = 8
"""Up to this many channels get a row each; more are averaged in groups."""


def print_sessions(
    console: Console, folder: Path, summaries: Sequence[SessionSummary], to_repair: Sequence[Path]
) -> None:
    """Print one line per session."""
    known = {summary.path for summary in summaries}
    if not summaries and not to_repair:
        console.print(f'{folder} contains no sessions.', markup=False)
        return
    rows = [_row(summary, summary.path in to_repair) for summary in summaries]
    rows += [[path.name, '', '', REPAIR, '', '', ''] for path in to_repair if path not in known]
    titles = ['session', 'start', 'length', 'state', 'subject', 'device', 'classes']
    filled = [column for column in range(len(titles)) if any(row[column] for row in rows)]
    widths = [max(len(titles[c]), *(len(row[c]) for row in rows)) for c in filled]
    left = (
        console.width - sum(widths[:-1]) - 3 * len(filled) - 1
    )  # for the column that may be shortened
    table = Table()
    for column in filled:
        table.add_column(
            titles[column],
            justify='right' if titles[column] == 'length' else 'left',
            no_wrap=True,
            overflow='ellipsis',
            max_width=max(9, left) if titles[column] == 'classes' else None,
        )
    for row in rows:
        table.add_row(*(Text(row[c], 'red' if row[c] == REPAIR else '') for c in filled))
    console.print(table)


def _row(summary: SessionSummary, is_cut: bool) -> list[str]:
    info = summary.info
    state = REPAIR if is_cut else ''
    if not state and not info.complete:
        state = 'recovered' if 'recovered' in info.extra else 'recording'
    return [
        summary.path.name,
        datetime.fromtimestamp(summary.start_ns * 1e-9).strftime('%Y-%m-%d %H:%M'),
        _length(summary.duration_s),
        state,
        info.subject,
        info.device,
        ', '.join(filter(None, info.class_names)),
    ]


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest:02d} s' if minutes else f'{seconds:.1f} s'


def print_imported(console: Console, content: Content, target: Path) -> None:
    """Print a summary of an imported recording."""
    stream, indices = content.stream, content.sample_indices()
    missing = int(indices[-1] - indices[0]) + 1 - len(indices)
    n_samples, n_channels = content.data.shape
    console.print(
        f'{target}: {n_channels} channels at {stream.sampling_rate:g} Hz, '
        f'{_length(n_samples / stream.sampling_rate)}'
        + (f'; {missing} sample indices left out (lost, or between files)' if missing else ''),
        markup=False,
        soft_wrap=True,
    )
    repetitions: dict[str, set[int]] = {}
    for event in content.events:
        if event.label.index != NO_CLASS:
            repetitions.setdefault(event.label.name, set()).add(event.label.repetition)
    counts = ', '.join(f'{name} × {len(numbers)}' for name, numbers in repetitions.items())
    console.print(
        f'Repetitions: {counts}' if counts else 'No labels.', markup=False, soft_wrap=True
    )


def print_findings(console: Console, name: str, findings: Sequence[Finding]) -> None:
    """Print the findings of a check with advice."""
    faults = sum(finding.is_error for finding in findings)
    if name:
        verdict = f'[red]errors: {faults}[/]' if faults else '[green]good[/]'
        console.print(f'[bold]{escape(name)}[/]: {verdict}')
    for finding in findings:
        mark = '[red]✗[/]' if finding.is_error else '[yellow]·[/]'
        console.print(f' {mark} {escape(finding.message)}', soft_wrap=True)
        console.print(f'   [dim]{escape(finding.advice)}[/]', soft_wrap=True)


def print_survey(console: Console, found: SessionStatistics) -> None:
    """Print streams, classes and signal of a session."""
    info = found.session.info
    console.print(f'[bold]{escape(found.session.name)}[/]  {escape(_about(found))}')
    if info.software:
        versions = ', '.join(f'{name} {version}' for name, version in info.software.items())
        console.print(f'[dim]{escape(versions)}[/]')
    console.print(_streams(found))
    classes = found.class_spans()
    if classes:
        console.print(_classes(classes))
    if found.primary is not None:
        _draw(console, found, found.primary)


def _about(found: SessionStatistics) -> str:
    info = found.session.info
    known = {
        'start': info.started,
        'subject': info.subject,
        'device': info.device,
        'protocol': info.protocol,
        **{k: v for k, v in info.extra.items() if k in ('imported_from', 'recovered')},
    }
    return ', '.join(f'{key.replace("_", " ")} {value}' for key, value in known.items() if value)


def _streams(found: SessionStatistics) -> Table:
    table = Table()
    table.add_column('stream')
    for title in ('channels', 'rate', 'measured rate', 'length', 'samples', 'lost', 'malformed'):
        table.add_column(title, justify='right')
    for stream in found.streams:
        channels, rate = stream.formats[0] if stream.formats else (0, 0.0)
        table.add_row(
            escape(stream.topic),
            str(channels),
            f'{rate:g} Hz',
            '' if np.isnan(stream.measured_hz) else f'{stream.measured_hz:.5g} Hz',
            _length(stream.duration_s),
            str(stream.n_samples),
            f'[red]{stream.lost}[/]' if stream.lost else '0',
            str(found.session.malformed[stream.topic]),
        )
    return table


def _classes(classes: dict[tuple[int, str], list[Span]]) -> Table:
    table = Table()
    for title in ('', 'class', 'repetitions', 'each', 'total', 'samples'):
        table.add_column(title, justify='left' if title in ('', 'class') else 'right')
    for (index, name), spans in classes.items():
        lengths = [span.end_s - span.start_s for span in spans]
        shortest, longest = min(lengths), max(lengths)
        each = (
            f'{shortest:.2f} s'
            if longest - shortest < 0.005
            else (f'{shortest:.2f} to {longest:.2f} s')
        )
        table.add_row(
            Text(_mark(index), COLOURS[index % len(COLOURS)]),
            escape(name or f'class {index}'),
            str(len({span.label.repetition for span in spans})),
            each,
            _length(sum(lengths)),
            str(sum(span.n_samples for span in spans)),
        )
    return table


def _mark(index: int) -> str:
    return '0123456789abcdefghijklmnopqrstuvwxyz'[index % 36]


def _draw(console: Console, found: SessionStatistics, stream: StreamStatistics) -> None:
    """Print the RMS of the channels over time, and the class in force below it."""
    envelope = stream.envelope
    if envelope is None or not len(envelope.times_s):
        return
    rms, times_s = envelope.rms, envelope.times_s
    groups = np.array_split(np.arange(rms.shape[1]), min(MAX_ROWS, rms.shape[1]))
    names = [_group_name(stream, group.tolist()) for group in groups]
    margin = max(len(name) for name in names) + 1
    width = min(max(20, console.width - margin - 1), len(times_s))
    columns = np.array_split(np.arange(len(times_s)), width)
    with np.errstate(all='ignore'):
        picture = np.array([[_mean(rms[np.ix_(c, g)]) for c in columns] for g in groups])
    top = np.nanpercentile(picture, 98) if np.isfinite(picture).any() else 1.0
    console.print(f'RMS over time, full height {_volt(float(top))}', style='dim')
    for name, row in zip(names, picture, strict=True):
        heights = np.nan_to_num(np.clip(row / (top or 1.0), 0, 1)) * (len(BARS) - 2) + 1
        bars = ''.join(
            ' ' if np.isnan(value) else BARS[int(height)]
            for value, height in zip(row, heights, strict=True)
        )
        console.print(Text(f'{name:<{margin}}{bars}'), no_wrap=True, overflow='crop')
    line = Text(' ' * margin)
    for column in columns:
        at_s = float(times_s[column].mean())
        span = next((s for s in found.spans if s.start_s <= at_s < s.end_s), None)
        index = span.label.index if span is not None else NO_CLASS
        if index == NO_CLASS:
            line.append('·', 'dim')
        else:
            line.append(_mark(index), f'black on {COLOURS[index % len(COLOURS)]}')
    console.print(line, no_wrap=True, overflow='crop')
    end = f'{times_s[-1]:.0f} s'
    console.print(' ' * margin + '0 s' + end.rjust(width - 3), style='dim')


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float('nan')


def _group_name(stream: StreamStatistics, channels: list[int]) -> str:
    first = stream.channel_name(channels[0])[:12]
    return first if len(channels) == 1 else f'{first} to {channels[-1] + 1}'


def _volt(volt: float) -> str:
    for factor, unit in ((1.0, 'V'), (1e3, 'mV'), (1e6, 'µV')):
        if volt * factor >= 1:
            return f'{volt * factor:.3g} {unit}'
    return f'{volt * 1e6:.3g} µV'
