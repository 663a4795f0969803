"""Whether predicting keeps up with the signal."""

from __future__ import annotations

from myogestic_ros.core.pipeline.tick_queue import TickQueue

__all__ = ['LoadMonitor']

QUIET_S = 2.0
"""So long without a loss, and it has caught up."""


class LoadMonitor:
    """Notice that ticks are skipped or samples lost, and that it is over.

    Parameters
    ----------
    ticks : TickQueue
        What is watched; what it has counted so far is past.
    """

    def __init__(self, ticks: TickQueue) -> None:
        self._ticks = ticks
        self._since = self._counts()
        self._seen = self._since
        self._last_s: float | None = None

    def check(self, now_s: float) -> str | None:
        """Look, a few times a second; return what is to be said, or None when that is nothing new.

        Parameters
        ----------
        now_s : float
            Steady time, s.

        Returns
        -------
        str or None
            A sentence when it falls behind (again each second while it does), ``''`` once when it
            has caught up.
        """
        counts = self._counts()
        if counts != self._seen:
            news = self._last_s is None or now_s - self._last_s >= 1.0
            self._seen = counts
            if news:
                self._last_s = now_s
                return self._sentence(counts)
        elif self._last_s is not None and now_s - self._last_s >= QUIET_S:
            self._last_s = None
            self._since = counts
            return ''
        return None

    def _counts(self) -> tuple[int, int]:
        cutter = self._ticks.cutter
        return self._ticks.overruns, sum(cutter.validator(name).lost for name in cutter.names)

    def _sentence(self, counts: tuple[int, int]) -> str:
        skipped, lost = (now - then for now, then in zip(counts, self._since, strict=True))
        sentences = []
        if skipped:
            sentences.append(
                f'Cannot keep up: {skipped} prediction(s) skipped; predict less often '
                f'(predict_hz), use a faster decoder, or replay more slowly.'
            )
        if lost:
            sentences.append(
                f'{lost} sample(s) lost before they came here: the machine or the network cannot '
                f'keep up, or they are missing in what is replayed.'
            )
        return ' '.join(sentences)
