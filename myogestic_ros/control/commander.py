"""Commands from predictions: the safety rules of a hand, without ROS."""

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
from myogestic_ros.control.tracking import Tracking, TrackingSettings
from myogestic_ros.control.watchdog import Watchdog, WatchdogSettings
from myogestic_ros.core.errors import StateError

__all__ = ['Command', 'Commander', 'CommanderState']

Vector = NDArray[np.float64]

CORRECTION_HZ = 2.0
"""Gain of the position error in a commanded velocity, (rad/s)/rad."""

DEACTIVATED = Reason('deactivated', 'The bridge was deactivated.')


@dataclass(frozen=True)
class Command:
    """A command for all joints.

    Attributes
    ----------
    position : ndarray, shape (n_joints,)
        Position, rad.
    velocity : ndarray, shape (n_joints,)
        Velocity, rad/s.
    """

    position: Vector
    velocity: Vector


@dataclass(frozen=True, slots=True)
class CommanderState:
    """State of a commander.

    Attributes
    ----------
    name : str
        ``'disarmed'``, ``'commanding'``, ``'resting'`` or ``'stopped'``.
    reason : Reason or None
        Reason why predictions do not move the hand.
    posture : str
        Last commanded posture.
    """

    name: str = 'disarmed'
    reason: Reason | None = None
    posture: str = ''


class Commander:
    """Compute the commands of a hand.

    Not thread-safe: call from one thread at a time. All times are those of a steady clock, s.

    Parameters
    ----------
    mapping : Mapping
        Mapping of the commanded joints, in their order.
    period_s : float
        Time between commands, s.
    settings : WatchdogSettings, optional
        Limits on the age of predictions.
    feedback_timeout_s : float, optional
        Time without a joint state after which the hand counts as silent, s; infinite for a hand
        without position feedback.
    arming : Arming, optional
        Arming state; disarmed by default.
    tracking : TrackingSettings, optional
        Limits on the difference between commanded and measured position.

    Attributes
    ----------
    arming : Arming
        Arming state; changed by `arm`, `go_to_rest` and `step`.
    watchdog : Watchdog
        Watchdog of the predictions.
    feedback : Feedback
        Measured joint positions.
    tracking : Tracking
        Comparison of measured and commanded positions.
    conflict : Reason or None
        Set while another node commands the hand: the hand goes to rest, and cannot be armed.
    state : CommanderState
        State after the last step.
    refused : dict of str to int
        Number of refused predictions, by kind of reason.
    """

    def __init__(
        self,
        mapping: Mapping,
        period_s: float,
        settings: WatchdogSettings | None = None,
        feedback_timeout_s: float = math.inf,
        arming: Arming | None = None,
        tracking: TrackingSettings | None = None,
    ) -> None:
        self.arming = arming or Arming()
        self.watchdog = Watchdog(settings)
        self.feedback = Feedback(mapping.joints, feedback_timeout_s)
        self.tracking = Tracking(mapping.joints, tracking)
        self.conflict: Reason | None = None
        self._interrupted = False  # the position of the hand was unknown after the last command
        self.state = CommanderState()
        self.refused: dict[str, int] = {}
        self._period_s = period_s
        self._goals = Goals(mapping)
        self._limiter = Limiter(mapping.joints)
        self._names = mapping.joint_names
        self._limiter.start(self._goals.rest.position)
        self._last_position = self._limiter.position
        self._last_velocity: Vector = np.zeros(len(mapping.joints))
        self._goal: Goal | Reason = self._goals.rest
        self._rest_reason: Reason | None = None  # set while the hand goes to rest to be disarmed

    # -- inputs -------------------------------------------------------------------------------

    def on_prediction(self, intent: Intent, age_s: float, now_s: float) -> bool:
        """Process a prediction; return True if it is followed.

        A prediction whose stamp is refused is ignored, and the previous one stays in force until
        it is too old. A recent prediction that cannot be followed replaces the previous one at
        once.
        """
        if not self.watchdog.on_prediction(
            intent.publisher, age_s, now_s, intent.other_publishers
        ):
            reason = self.watchdog.last_refusal
        else:
            self._goal = self._goals.goal_for(intent, now_s)
            if not isinstance(self._goal, Reason):
                return True
            self._goals.reset()
            reason = self._goal
        self.refused[reason.kind] = self.refused.get(reason.kind, 0) + 1
        return False

    def on_joint_state(
        self, positions: Map[str, float], now_s: float, publisher: str = ''
    ) -> None:
        """Process measured joint positions, rad; see `Feedback.on_joint_state`."""
        self.feedback.on_joint_state(positions, now_s, publisher)

    def set_initial_position(self, positions: Map[str, float]) -> None:
        """Set the assumed position of a hand without position feedback, rad by joint."""
        current = zip(self._names, self._limiter.position, strict=True)
        self._last_position = np.array([positions.get(name, value) for name, value in current])

    def commanded_position(self) -> dict[str, float]:
        """Return the last commanded position, rad by joint."""
        return dict(zip(self._names, self._last_position.tolist(), strict=True))

    # -- requests -----------------------------------------------------------------------------

    def arm(self, now_s: float) -> None:
        """Begin to send commands, from the current position of the hand.

        Raises
        ------
        StateError
            If already armed or stopped, if the position of the hand is unknown, or if another node
            commands the hand.
        """
        if self.conflict is not None:
            raise StateError(f'Cannot arm: {self.conflict.message}')
        if self._rest_reason is not None and not self.arming.stopped:
            self._rest_reason = None  # still armed, on its way to rest
        else:
            start = self.feedback.start(self._last_position, now_s)
            self.arming.arm()
            self._limiter.start(start)
            self.tracking.reset()
            self._interrupted = False
            self._last_velocity = np.zeros_like(start)
        self._goals.reset()
        self._goal = self._goals.rest

    def go_to_rest(self, reason: Reason = DEACTIVATED) -> None:
        """Move the hand to rest, then disarm; a stopped hand is disarmed where it is."""
        if self.arming.stopped:
            self.arming.disarm()
        elif self.arming.armed:
            self._rest_reason = reason

    # -- output -------------------------------------------------------------------------------

    def hold(self) -> Command:
        """Return the command that holds the last commanded position."""
        self._limiter.hold()
        self._last_position = self._limiter.position
        self._last_velocity = np.zeros_like(self._limiter.position)
        return Command(self._limiter.position, self._last_velocity)

    def step(self, now_s: float) -> Command | None:
        """Return the next command; None while disarmed."""
        if self.arming.stopped:
            self.state = CommanderState('stopped', posture=self.state.posture)
            return self.hold() if self.arming.armed else None
        if not self.arming.armed:
            self._rest_reason = None
            self.state = CommanderState()
            return None
        measured = self.feedback.recent(now_s)
        if self.feedback.expected and measured is None:
            return self._hold_until_measured(now_s)
        if self._interrupted and measured is not None:
            self._limiter.start(measured)  # the hand may have moved: begin where it is
            self.tracking.reset()
            self._interrupted = False
        rest = self._goals.rest
        if self._rest_reason is not None and self._limiter.is_at(rest.position):
            self.arming.disarm()
            self.state = CommanderState()
            return self.hold()
        reason = self._rest_reason or self._reason(now_s)
        if reason is None and isinstance(self._goal, Goal):
            goal = self._goal
            self.state = CommanderState('commanding', None, goal.posture)
        else:
            goal = rest
            self.state = CommanderState('resting', reason, goal.posture)
        self._limiter.step(goal.position, goal.speed_fraction, self._period_s)
        if measured is not None:
            self._limiter.keep_near(measured, self.tracking.lead)
            self.tracking.update(self._limiter.position, measured, now_s)
        self._last_position = self._limiter.position
        return Command(self._limiter.position, self._velocity(measured))

    def _hold_until_measured(self, now_s: float) -> Command:
        """Hold the position while the one of the hand is unknown.

        A command that went on moving would be ahead of a hand that stands still, and the hand
        would follow it at a speed that no limit bounds when it moves again.
        """
        self._interrupted = True
        reason = self._reason(now_s)
        if self._rest_reason is not None:
            self.arming.disarm()
            self.state = CommanderState()
        else:
            self.state = CommanderState('resting', reason, self.state.posture)
        return self.hold()

    def _reason(self, now_s: float) -> Reason | None:
        reason = self.hand_reason(now_s) or self.watchdog.reason(now_s)
        if reason is not None:
            self._goals.reset()  # an earlier decision must not come back by itself
            if not isinstance(self._goal, Reason):
                self._goal = self._goals.rest
            return reason
        return self._goal if isinstance(self._goal, Reason) else None

    def hand_reason(self, now_s: float) -> Reason | None:
        """Return why the hand cannot be commanded; None if it can."""
        return self.conflict or self.feedback.reason(now_s) or self.tracking.reason

    def _velocity(self, measured: Vector | None) -> Vector:
        """Return the velocity to command, rad/s: that of the step plus a position correction.

        Without the correction, a hand that is driven by velocities drifts from the commanded
        position.
        """
        limiter = self._limiter
        desired = limiter.velocity.copy()
        if measured is not None:
            desired += CORRECTION_HZ * (limiter.position - measured)
        desired = np.clip(desired, -limiter.speed, limiter.speed)
        max_change = limiter.acceleration * self._period_s
        before = self._last_velocity
        self._last_velocity = np.clip(desired, before - max_change, before + max_change)
        return self._last_velocity
