"""The speed limit holds for the hand: a commander and a simulated hand in simulated time."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from myogestic_ros.control.commander import Commander
from myogestic_ros.control.hand_model import HandModel
from myogestic_ros.control.intent import Intent
from myogestic_ros.control.mapping_file import parse_mapping
from myogestic_ros.control.urdf import JointLimits
from myogestic_ros.core.errors import StateError

PERIOD_S = 0.01
LIMIT_RAD_S = 1.0
MAPPING = parse_mapping(
    yaml.safe_load("""
joints: {a: {lower: 0, upper: 2}, b: {lower: -1, upper: 1}}
limits: {velocity: 1, acceleration: 10}
rest_speed: 1.0
postures: {rest: {a: 0.5, b: 0}, fist: {a: 2, b: 1}, open: {a: 0}}
""")
)


class Rig:
    """A commander and a hand that could move at 4 rad/s."""

    def __init__(self, output='position'):
        limits = {
            'a': JointLimits(lower=0.0, upper=2.0, velocity=4.0),
            'b': JointLimits(lower=-1.0, upper=1.0, velocity=4.0),
        }
        self.hand = HandModel(limits, output)
        self.hand.positions = np.array([0.5, 0.0])
        self.hand.hold(0.0)
        self.commander = Commander(MAPPING, PERIOD_S, feedback_timeout_s=0.5)
        self.output = output
        self.now_s = 0.0
        self.speeds: list[float] = []
        self.reported = True
        self.paused = False
        self.false_position: float | None = None
        self.report()
        self.commander.arm(self.now_s)

    def report(self):
        """Report the joint positions to the commander."""
        self.commander.on_joint_state(
            dict(zip('ab', self.hand.positions, strict=True)), self.now_s
        )

    def run(self, seconds, label='fist'):
        """Advance the time with a prediction before every command; return the reasons."""
        reasons = []
        for _ in range(round(seconds / PERIOD_S)):
            self.now_s += PERIOD_S
            self.commander.on_prediction(Intent(label, publisher='p'), 0.01, self.now_s)
            command = self.commander.step(self.now_s)
            assert command is not None
            if not self.paused:
                self.hand.command(getattr(command, self.output), self.now_s)
                for part in range(1, 11):  # the hand moves more finely than it is commanded
                    self.hand.step(self.now_s + (part - 10) * PERIOD_S / 10)
                    self.speeds.append(float(np.abs(self.hand.velocities).max()))
            if self.reported and not self.paused:
                self.report()
            if self.false_position is not None:
                self.commander.on_joint_state({'a': self.false_position}, self.now_s)
            reason = self.commander.state.reason
            reasons.append(reason.kind if reason is not None else '')
        return reasons

    def check(self):
        """Check that the hand never moved faster than its limit."""
        assert max(self.speeds) <= 1.05 * LIMIT_RAD_S

    def reaches(self, positions):
        """Check that the hand arrives."""
        assert self.hand.positions == pytest.approx(positions, abs=0.02)
        self.check()


@pytest.mark.parametrize('output', ['position', 'velocity'])
def test_hand_that_follows_is_not_held_back(output):
    rig = Rig(output)
    assert set(rig.run(3.0)) == {''}
    assert max(rig.speeds) > 0.8 * LIMIT_RAD_S
    rig.reaches([2.0, 1.0])


@pytest.mark.parametrize('output', ['position', 'velocity'])
def test_stalled_hand_is_reported_and_does_not_leap_when_released(output):
    rig = Rig(output)
    rig.run(0.5)
    rig.hand.stalled = True
    reasons = rig.run(4.0)
    assert reasons[-1] == 'hand does not follow'
    assert reasons.index('hand does not follow') <= 110
    assert 'a' in rig.commander.state.reason.message
    rig.hand.stalled = False
    rig.run(6.0)
    rig.reaches([2.0, 1.0])


@pytest.mark.parametrize('output', ['position', 'velocity'])
def test_hand_that_was_silent_is_commanded_from_its_measured_position(output):
    rig = Rig(output)
    rig.run(0.5)
    rig.reported = False
    assert rig.run(4.0)[-1] == 'hand silent'
    rig.reported = True
    rig.run(4.0)
    rig.reaches([2.0, 1.0])


def test_paused_hand_does_not_leap_when_it_continues():
    rig = Rig()
    rig.run(0.5)
    rig.paused = True
    assert rig.run(4.0)[-1] == 'hand silent'
    rig.paused = False
    rig.run(4.0)
    rig.reaches([2.0, 1.0])


@pytest.mark.parametrize('value', [0.0, 1.9])
def test_second_source_of_joint_states_is_not_followed(value):
    rig = Rig()
    rig.run(0.3)
    rig.false_position = value
    reasons = rig.run(2.0)
    assert reasons[-1] == 'implausible position'
    with pytest.raises(StateError, match=r'Cannot arm: .*the measured position of a changed by'):
        rig.commander.feedback.start(rig.hand.positions, rig.now_s)
    rig.false_position = None
    rig.run(4.0)
    rig.reaches([2.0, 1.0])


def test_hand_that_was_late_near_its_goal_is_commanded_again():
    rig = Rig()
    while 2.0 - rig.hand.positions[0] > 0.08:  # less is left then than what counts as movement
        rig.run(PERIOD_S)
    rig.paused = True
    for _ in range(70):  # it is reported where it is, and does not move
        rig.run(PERIOD_S)
        rig.report()
    assert rig.commander.state.reason.kind == 'hand does not follow'
    rig.paused = False
    rig.reported = True
    reasons = rig.run(6.0)
    assert reasons[-1] == ''
    rig.reaches([2.0, 1.0])
