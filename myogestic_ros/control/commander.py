"""Predictions to commands: the rules that make a hand safe, without any ROS."""

from __future__ import annotations

import math
from collections.abc import Mapping as Map
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.feedback import Feedback
from myogestic_ros.control.goals import Goal, Goals
from myogestic_ros.control.intent import Intent
from myogestic_ros.control.limiter import Limiter
from myogestic_ros.control.mapping import Mapping
from myogestic_ros.control.reason import Reason
from myogestic_ros.control.watchdog import Watchdog, WatchdogSettings

__all__ = ['Command', 'Commander', 'Situation']

Vector = NDArray[np.float64]

CORRECTION_HZ = 2.0
"""Of a commanded velocity, per rad that the hand is away from where it should be."""

DEACTIVATED = Reason('deactivated', 'Deactivated.')


@dataclass(frozen=True)
class Command:
    """What the joints are to do.

    Attributes
    ----------
    position : ndarray, shape (n_joints,)
        In rad.
    velocity : ndarray, shape (n_joints,)
        In rad/s.
    """

    position: Vector
    velocity: Vector


@dataclass(frozen=True, slots=True)
class Situation:
    """What the bridge is doing, and why.

    Attributes
    ----------
    state : str
        ``'disarmed'``, ``'commanding'``, ``'resting'`` or ``'stopped'``.
    reason : Reason or None
        What keeps predictions from moving the hand.
    posture : str
        The posture that it was told last.
    """

    state: str = 'disarmed'
    reason: Reason | None = None
    posture: str = ''


class Commander:
    """Decide on each command of a hand.

    It is called by one thread at a time; all times are those of a steady clock, s.

    Parameters
    ----------
    mapping : Mapping
        For the joints that are commanded, in their order.
    period_s : float
        Time between commands, s.
    settings : WatchdogSettings, optional
        Which predictions are young.
    feedback_timeout_s : float, optional
        How long the hand may be silent, s; infinite for one that reports no positions.
    arming : Arming, optional
        Whether commands are sent; disarmed by default.

    Attributes
    ----------
    arming : Arming
        Whether commands are sent; `arm`, `retire` and `step` change it.
    watchdog : Watchdog
        Which predictions are young.
    situation : Situation
        What it is doing, as of the last step.
    refused : dict of str to int
        Predictions that were not followed, by kind of reason.
    """

    def __init__(
        self,
        mapping: Mapping,
        period_s: float,
        settings: WatchdogSettings | None = None,
        feedback_timeout_s: float = math.inf,
        arming: Arming | None = None,
    ) -> None:
        self.arming = arming or Arming()
        self.watchdog = Watchdog(settings)
        self.feedback = Feedback(mapping.joints, feedback_timeout_s)
        self.situation = Situation()
        self.refused: dict[str, int] = {}
        self._period_s = period_s
        self._goals = Goals(mapping)
        self._limiter = Limiter(mapping.joints)
        self._names = mapping.joint_names
        self._limiter.start(self._goals.rest.position)
        self._believed = self._limiter.position
        self._sent_velocity = np.zeros(len(mapping.joints))
        self._goal: Goal | Reason = self._goals.rest
        self._retiring: Reason | None = None

    # -- what is heard ------------------------------------------------------------------------

    def hear(self, intent: Intent, age_s: float, now_s: float) -> bool:
        """Take a prediction; return whether it can be followed.

        One whose stamp is not believed is passed over, and what was said before holds until it
        is too old. One that is young and says what cannot be followed takes its place at once.
        """
        if not self.watchdog.hear(intent.source, age_s, now_s, intent.others):
            reason = self.watchdog.refusal
        else:
            self._goal = self._goals.of(intent, now_s)
            if not isinstance(self._goal, Reason):
                return True
            self._goals.reset()
            reason = self._goal
        self.refused[reason.kind] = self.refused.get(reason.kind, 0) + 1
        return False

    def feel(self, positions: Map[str, float], now_s: float) -> None:
        """Take the measured positions of joints, rad."""
        self.feedback.hear(positions, now_s)

    def believe(self, positions: Map[str, float]) -> None:
        """Take a hand that reports nothing to be where it was told to be, rad by joint."""
        now = zip(self._names, self._limiter.position, strict=True)
        self._believed = np.array([positions.get(name, value) for name, value in now])

    def position(self) -> dict[str, float]:
        """Return where the joints were told to be last, rad."""
        return dict(zip(self._names, self._believed.tolist(), strict=True))

    # -- what is asked ------------------------------------------------------------------------

    def arm(self, now_s: float) -> None:
        """Begin to send commands, from where the hand is.

        Raises
        ------
        StateError
            When it is armed or stopped, or it is not known where the hand is.
        """
        if self._retiring is not None and not self.arming.stopped:
            self._retiring = None  # it is armed still, on its way to rest
        else:
            start = self.feedback.start(self._believed, now_s)
            self.arming.arm()
            self._limiter.start(start)
            self._sent_velocity = np.zeros_like(start)
        self._goals.reset()
        self._goal = self._goals.rest

    def retire(self, reason: Reason = DEACTIVATED) -> None:
        """Take the hand to rest, then disarm; one that is stopped stays where it is."""
        if self.arming.stopped:
            self.arming.disarm()
        elif self.arming.armed:
            self._retiring = reason

    # -- what is sent -------------------------------------------------------------------------

    def still(self) -> Command:
        """Return the command that keeps the hand where it was told to be."""
        self._limiter.hold()
        self._believed = self._limiter.position
        self._sent_velocity = np.zeros_like(self._limiter.position)
        return Command(self._limiter.position, self._sent_velocity)

    def step(self, now_s: float) -> Command | None:
        """Return the next command; None while disarmed."""
        if self.arming.stopped:
            self.situation = Situation('stopped', posture=self.situation.posture)
            return self.still() if self.arming.armed else None
        if not self.arming.armed:
            self._retiring = None
            self.situation = Situation()
            return None
        rest = self._goals.rest
        if self._retiring is not None and self._limiter.is_at(rest.position):
            self.arming.disarm()
            self.situation = Situation()
            return self.still()
        reason = self._retiring or self._trouble(now_s)
        if reason is None and isinstance(self._goal, Goal):
            goal = self._goal
            self.situation = Situation('commanding', None, goal.posture)
        else:
            goal = rest
            self.situation = Situation('resting', reason, goal.posture)
        self._limiter.step(goal.position, goal.share, self._period_s)
        self._believed = self._limiter.position
        return Command(self._limiter.position, self._velocity(now_s))

    def _trouble(self, now_s: float) -> Reason | None:
        reason = self.watchdog.trouble(now_s) or self.feedback.trouble(now_s)
        if reason is not None:
            self._goals.reset()  # what was decided before does not come back by itself
            if not isinstance(self._goal, Reason):
                self._goal = self._goals.rest
            return reason
        return self._goal if isinstance(self._goal, Reason) else None

    def _velocity(self, now_s: float) -> Vector:
        """Return the velocity to command, rad/s: that of the step, and a little to stay on track.

        A hand that is driven by velocity drifts away from where it should be, unless it says
        where it is.
        """
        limiter = self._limiter
        wanted = limiter.velocity.copy()
        measured = self.feedback.recent(now_s)
        if measured is not None:
            wanted += CORRECTION_HZ * (limiter.position - measured)
        wanted = np.clip(wanted, -limiter.speed, limiter.speed)
        change = limiter.acceleration * self._period_s
        before = self._sent_velocity
        self._sent_velocity = np.clip(wanted, before - change, before + change)
        return self._sent_velocity
