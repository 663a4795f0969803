"""Detection that no predictions come while the pipeline predicts, and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.streams.chunk_validator import ChunkValidator

__all__ = ['PredictionMonitor']

AFTER_S = 1.0
"""Time without a prediction after which the reason is reported, in s; at least three hops."""

Key = TypeVar('Key', int, str)

REFUSALS = {
    'empty': 'without samples',
    'impossible': 'with an impossible shape or sampling rate',
    'not finite': 'with NaN or Inf',
    'format': 'with another number of channels or sampling rate',
    'backwards': 'out of order or duplicate',
}


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What has arrived of one stream, or the increase since an earlier time."""

    frames: int
    restarts: int
    gaps: int
    lost: int
    unusable: int
    refused: dict[str, int]
    channels: dict[int, int]

    @classmethod
    def of(cls, validator: ChunkValidator) -> StreamCounts:
        """Return the counts of a validator."""
        return cls(
            validator.chunks,
            validator.restarts,
            validator.gaps,
            validator.lost,
            validator.unusable,
            dict(validator.refused),
            dict(validator.not_finite_channels),
        )

    def since(self, then: StreamCounts) -> StreamCounts:
        """Return the increase since an earlier time."""
        return StreamCounts(
            self.frames - then.frames,
            self.restarts - then.restarts,
            self.gaps - then.gaps,
            self.lost - then.lost,
            self.unusable - then.unusable,
            _increase(self.refused, then.refused),
            _increase(self.channels, then.channels),
        )


def _increase(now: dict[Key, int], then: dict[Key, int]) -> dict[Key, int]:
    counts = {key: count - then.get(key, 0) for key, count in now.items()}
    return {key: count for key, count in counts.items() if count}


@dataclass(frozen=True, slots=True)
class _Counts:
    predictions: int
    dropped: int
    errors: int
    overruns: int
    unsynchronized: int
    streams: dict[str, StreamCounts]


class PredictionMonitor:
    """Explain why no prediction comes, from the counts since the latest prediction.

    Parameters
    ----------
    pipeline : Pipeline
        A pipeline that predicts.
    now_s : float
        Time on the steady clock, in s.
    """

    def __init__(self, pipeline: Pipeline, now_s: float) -> None:
        self._pipeline = pipeline
        self._then = self._counts()
        self._since_s = now_s
        self._reported_s: float | None = None

    def check(self, now_s: float) -> str | None:
        """Check for predictions; call this a few times a second.

        Parameters
        ----------
        now_s : float
            Time on the steady clock, in s.

        Returns
        -------
        str or None
            The reason why no prediction comes, at most once a second; ``''`` once when predictions
            come again; None without news.
        """
        if self._pipeline.counters.predictions != self._then.predictions:
            self._then, self._since_s = self._counts(), now_s
            recovered, self._reported_s = self._reported_s is not None, None
            return '' if recovered else None
        hz = self._pipeline.predict_hz
        silent_s = now_s - self._since_s
        if silent_s < max(AFTER_S, 3.0 / hz if hz > 0 else 0.0):
            return None
        if self._reported_s is not None and now_s - self._reported_s < 1.0:
            return None
        self._reported_s = now_s
        return f'No prediction for {silent_s:.0f} s: {self._reason()}'

    def refusals(self, stream: str) -> str:
        """Return how many frames of a stream were refused since the latest prediction, and why."""
        return _refusals(self._counts().streams[stream].since(self._then.streams[stream]))

    def _counts(self) -> _Counts:
        counters, ticks = self._pipeline.counters, self._pipeline.reader.ticks
        cutter = ticks.cutter
        return _Counts(
            counters.predictions,
            counters.dropped,
            counters.errors,
            ticks.overruns,
            cutter.unsynchronized,
            {name: StreamCounts.of(cutter.validator(name)) for name in cutter.names},
        )

    def _reason(self) -> str:
        now, then = self._counts(), self._then
        reasons = [
            sentence
            for count, sentence in (
                (now.dropped - then.dropped, 'result(s) of predict were not a dict.'),
                (now.errors - then.errors, 'call(s) of extract or predict failed.'),
                (now.overruns - then.overruns, 'prediction(s) skipped, as they were too late.'),
                (
                    now.unsynchronized - then.unsynchronized,
                    'tick(s) waited for another stream in vain.',
                ),
            )
            if count
            for sentence in [f'{count} {sentence}']
        ]
        for name, counts in now.streams.items():
            reasons += self._stream_reasons(name, counts.since(then.streams[name]))
        return ' '.join(reasons) or 'the windows are not full yet, or predict has not returned.'

    def _stream_reasons(self, name: str, new: StreamCounts) -> list[str]:
        reasons = []
        refused = _refusals(new)
        if refused:
            reasons.append(f"of stream '{name}', {refused}.")
        if new.restarts > 1:
            reasons.append(
                f"stream '{name}' restarted {new.restarts} times in {new.frames} frames: its "
                f'first_sample does not count on; it must increase by the samples of each frame.'
            )
        if new.gaps:
            window_ms = {s.name: s.window_ms for s in self._pipeline.streams}[name]
            reasons.append(
                f"{new.lost} sample(s) of '{name}' missing at {new.gaps} place(s), so that no window "
                f'of {window_ms:g} ms is full.'
            )
        if not new.frames and not refused:
            reasons.append(f"no frame of '{name}' arrived.")
        return reasons


def _refusals(new: StreamCounts) -> str:
    parts = []
    for kind, count in sorted(new.refused.items()):
        channels = ''
        if kind == 'not finite' and new.channels:
            numbers = sorted(new.channels)
            shown = ', '.join(str(number) for number in numbers[:8])
            channels = f' in channel(s) {shown}{", …" if len(numbers) > 8 else ""} (from 0)'
        parts.append(f'{count} {REFUSALS.get(kind, kind)}{channels}')
    refused = sum(new.refused.values())
    return (
        f'{refused} of {refused + new.frames} frames refused: {", ".join(parts)}' if parts else ''
    )
