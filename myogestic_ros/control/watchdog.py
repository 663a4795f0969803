"""Whether there is a prediction to go by: one, young, and from one pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from myogestic_ros.control.reason import Reason

__all__ = ['Watchdog', 'WatchdogSettings']

ALONE_S = 1.0
"""Two pipelines are one again when the other has said nothing for so long."""

NOTHING_YET = Reason('silent', 'No prediction has come yet; is the pipeline predicting?')


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """What is young.

    Attributes
    ----------
    timeout_s : float
        Age up to which a prediction is followed, s.
    future_tolerance_s : float
        How far a stamp may be ahead of the clock, s.
    check_stamps : bool
        Whether stamps count; otherwise the time of arrival alone.
    """

    timeout_s: float = 0.25
    future_tolerance_s: float = 0.1
    check_stamps: bool = True


class Watchdog:
    """Watch the age of predictions, and who makes them.

    All times are those of a steady clock; only the age of a stamp, taken when the prediction
    comes, is by the clock of the stamps. A prediction that was young when it came grows old by
    the steady clock, whatever the other one does.

    Attributes
    ----------
    settings : WatchdogSettings
        What is young; may be changed.
    """

    def __init__(self, settings: WatchdogSettings | None = None) -> None:
        self.settings = settings or WatchdogSettings()
        self._born_s: float | None = None  # when the newest believed one was new
        self._refused: Reason = NOTHING_YET
        self._refused_s = -float('inf')
        self._voices: dict[str, float] = {}

    def hear(self, source: str, age_s: float, now_s: float, others: int = 0) -> bool:
        """Take a prediction; return whether it is young.

        Parameters
        ----------
        source : str
            Who made it.
        age_s : float
            Age of its stamp, s; negative when it is ahead of the clock.
        now_s : float
            When it came, s.
        others : int
            How many others may make predictions, where it is not known who made which.
        """
        self._voices = {s: at for s, at in self._voices.items() if now_s - at < ALONE_S}
        for name in (source, *(f'other {number}' for number in range(others))):
            self._voices[name] = now_s
        if not self.settings.check_stamps:
            age_s = 0.0
        if age_s >= self.settings.timeout_s:
            return self._refuse(
                'old',
                f'The prediction is {age_s:.3f} s old, expected less than '
                f'{self.settings.timeout_s:g} s; see check_stamps for a replay at another speed.',
                now_s,
            )
        if age_s < -self.settings.future_tolerance_s:
            return self._refuse(
                'future',
                f'The prediction is stamped {-age_s:.3f} s ahead of the clock, expected at most '
                f'{self.settings.future_tolerance_s:g} s; do the clocks agree?',
                now_s,
            )
        self._born_s = now_s - max(0.0, age_s)
        return True

    @property
    def refusal(self) -> Reason:
        """Why the last prediction that was not young was refused."""
        return self._refused

    def _refuse(self, kind: str, sentence: str, now_s: float) -> bool:
        if self._refused.kind != kind:  # one sentence, as long as it is the same trouble
            self._refused = Reason(kind, sentence)
        self._refused_s = now_s
        return False

    def clock_jumped(self, by_s: float, now_s: float) -> None:
        """Forget the newest prediction: its age was taken by a clock that has been set."""
        self._born_s = None
        self._refused = Reason('clock', f'The clock was set by {by_s:+.3f} s.')
        self._refused_s = now_s

    def trouble(self, now_s: float) -> Reason | None:
        """Return why there is no prediction to go by; None when there is one."""
        voices = sum(now_s - at < ALONE_S for at in self._voices.values())
        if voices > 1:
            return Reason(
                'two pipelines',
                f'{voices} pipelines predict on one topic; stop all but one of them.',
            )
        timeout_s = self.settings.timeout_s
        if self._born_s is not None and now_s - self._born_s < timeout_s:
            return None
        if now_s - self._refused_s < timeout_s or self._born_s is None:
            return self._refused
        return Reason('silent', f'No prediction for {timeout_s:g} s; is the pipeline predicting?')
