"""Age and publisher of predictions."""

from __future__ import annotations

from dataclasses import dataclass

from myogestic_ros.control.reason import Reason

__all__ = ['Watchdog', 'WatchdogSettings']

PUBLISHER_TIMEOUT_S = 1.0
"""A publisher that sent nothing for this time no longer counts as a second pipeline."""

NO_PREDICTION_YET = Reason(
    'silent', 'No prediction received yet. Check that the pipeline is predicting.'
)


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """Limits on the age of predictions.

    Attributes
    ----------
    timeout_s : float
        Age from which a prediction is refused, s.
    future_tolerance_s : float
        Largest accepted lead of a stamp over the clock, s.
    check_stamps : bool
        True to compute the age from the stamp; False to compute it from the time of arrival.
    """

    timeout_s: float = 0.25
    future_tolerance_s: float = 0.1
    check_stamps: bool = True


class Watchdog:
    """Watch the age of predictions and the number of their publishers.

    All times are those of a steady clock, except the age of a stamp, which is computed with the
    clock of the stamps when the prediction arrives. From then on the prediction ages by the
    steady clock and is independent of the clock of the stamps.

    Parameters
    ----------
    settings : WatchdogSettings, optional
        Limits on the age of predictions.

    Attributes
    ----------
    settings : WatchdogSettings
        Limits on the age of predictions; may be replaced at any time.
    last_refusal : Reason
        Reason why the last refused prediction was refused.
    """

    def __init__(self, settings: WatchdogSettings | None = None) -> None:
        self.settings = settings or WatchdogSettings()
        self.last_refusal: Reason = NO_PREDICTION_YET
        self._newest_s: float | None = None  # when the newest accepted prediction had age 0
        self._refused_s = -float('inf')
        self._last_seen_s: dict[str, float] = {}  # by publisher

    def on_prediction(
        self, publisher: str, age_s: float, now_s: float, other_publishers: int = 0
    ) -> bool:
        """Add a prediction and return True if its age is accepted.

        Parameters
        ----------
        publisher : str
            Identifier of the publisher.
        age_s : float
            Age of the stamp, s; negative if the stamp is ahead of the clock.
        now_s : float
            Time of arrival, s.
        other_publishers : int
            Number of other publishers, if the sender of a message is not known.
        """
        self._last_seen_s = {
            name: seen_s
            for name, seen_s in self._last_seen_s.items()
            if now_s - seen_s < PUBLISHER_TIMEOUT_S
        }
        for name in (publisher, *(f'other {number}' for number in range(other_publishers))):
            self._last_seen_s[name] = now_s
        if not self.settings.check_stamps:
            age_s = 0.0
        if age_s >= self.settings.timeout_s:
            return self._refuse(
                'old',
                f'The prediction is {age_s:.3f} s old, expected less than '
                f'{self.settings.timeout_s:g} s. For a replay at another rate, set check_stamps '
                f'to false.',
                now_s,
            )
        if age_s < -self.settings.future_tolerance_s:
            return self._refuse(
                'future',
                f'The stamp of the prediction is {-age_s:.3f} s ahead of the clock, expected at '
                f'most {self.settings.future_tolerance_s:g} s. Synchronise the clocks.',
                now_s,
            )
        self._newest_s = now_s - max(0.0, age_s)
        return True

    def _refuse(self, kind: str, message: str, now_s: float) -> bool:
        if self.last_refusal.kind != kind:  # one message for as long as the cause lasts
            self.last_refusal = Reason(kind, message)
        self._refused_s = now_s
        return False

    def on_clock_jump(self, by_s: float, now_s: float) -> None:
        """Discard the newest prediction: its age was computed before the clock was set."""
        self._newest_s = None
        self.last_refusal = Reason('clock', f'The clock was set by {by_s:+.3f} s.')
        self._refused_s = now_s

    def reason(self, now_s: float) -> Reason | None:
        """Return why there is no usable prediction; None if there is one."""
        publishers = sum(
            now_s - seen_s < PUBLISHER_TIMEOUT_S for seen_s in self._last_seen_s.values()
        )
        if publishers > 1:
            return Reason(
                'two pipelines',
                f'{publishers} pipelines publish predictions on one topic; stop all but one.',
            )
        timeout_s = self.settings.timeout_s
        if self._newest_s is not None and now_s - self._newest_s < timeout_s:
            return None
        if now_s - self._refused_s < timeout_s or self._newest_s is None:
            return self.last_refusal
        return Reason(
            'silent',
            f'No prediction received for {timeout_s:g} s. Check that the pipeline is predicting.',
        )
