"""Detection of skipped predictions and lost samples."""

from __future__ import annotations

from myogestic_ros.core.pipeline.tick_queue import TickQueue

__all__ = ['LoadMonitor']

QUIET_S = 2.0
"""Time without a loss after which the pipeline keeps up again, in s."""


class LoadMonitor:
    """Detect that ticks are skipped or samples lost, and that the pipeline keeps up again.

    Parameters
    ----------
    ticks : TickQueue
        The ticks to monitor; earlier losses are ignored.
    """

    def __init__(self, ticks: TickQueue) -> None:
        self._ticks = ticks
        self._since = self._counts()
        self._seen = self._since
        self._last_s: float | None = None

    def check(self, now_s: float) -> str | None:
        """Check for losses; call this a few times a second.

        Parameters
        ----------
        now_s : float
            Time on the steady clock, in s.

        Returns
        -------
        str or None
            A sentence if there are losses, at most once a second; ``''`` once when there have been
            none for `QUIET_S`; None without news.
        """
        counts = self._counts()
        if counts != self._seen:
            due = self._last_s is None or now_s - self._last_s >= 1.0
            self._seen = counts
            if due:
                self._last_s = now_s
                return self._message(counts)
        elif self._last_s is not None and now_s - self._last_s >= QUIET_S:
            self._last_s = None
            self._since = counts
            return ''
        return None

    def _counts(self) -> tuple[int, int]:
        cutter = self._ticks.cutter
        validators = [cutter.validator(name) for name in cutter.names]
        # Refused samples did arrive: neither machine nor network lost them.
        return self._ticks.overruns, sum(v.lost - v.unusable for v in validators)

    def _message(self, counts: tuple[int, int]) -> str:
        skipped, lost = (now - then for now, then in zip(counts, self._since, strict=True))
        sentences = []
        if skipped:
            sentences.append(
                f'Cannot keep up: {skipped} prediction(s) skipped; reduce predict_hz, use a faster '
                f'decoder, or replay more slowly.'
            )
        if lost:
            sentences.append(
                f'{lost} sample(s) lost before the pipeline: the machine or the network cannot keep '
                f'up, or the replayed recording lacks them.'
            )
        return ' '.join(sentences)
