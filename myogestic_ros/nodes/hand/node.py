"""The hand node: a simulated hand that takes what a controller of ros2_control takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from myogestic_ros.control.hand_model import INTERFACES, HandModel
from myogestic_ros.control.urdf import read_joint_limits
from myogestic_ros.core.errors import ControlError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run

__all__ = ['HAND', 'HandNode', 'main']

HAND = (
    Parameter('urdf', '', "File that describes the hand; empty: this package's urdf/hand.urdf."),
    Parameter(
        'joints',
        [
            *('thumb_rotation', 'thumb_flexion', 'index_flexion', 'middle_flexion'),
            *('ring_flexion', 'little_flexion', 'wrist_flexion', 'wrist_rotation'),
        ],
        'Joints that take commands, in the order of the numbers in ~/commands.',
    ),
    Parameter(
        'interface_name',
        'position',
        'What the numbers in ~/commands are: position, rad, or velocity, rad/s.',
        choices=INTERFACES,
    ),
    Parameter('rate', 100.0, 'Joint states per second, Hz.', minimum=1.0, maximum=1000.0),
    Parameter(
        'time_constant',
        0.06,
        'How slowly the joints follow: time constant, s; 0: at once.',
        minimum=0.0,
        maximum=10.0,
    ),
    Parameter(
        'max_velocity',
        0.0,
        'Largest speed of any joint, rad/s; 0: as the URDF says.',
        minimum=0.0,
        maximum=100.0,
    ),
    Parameter(
        'command_timeout',
        0.5,
        'Time without a command after which a velocity ends, s; 0: never. Positions stay.',
        minimum=0.0,
        maximum=60.0,
    ),
)


class HandNode(ManagedNode):
    """Simulate a hand.

    ACTIVE means simulating; otherwise the hand is still, takes no command and says nothing.

    Parameters
    ----------
    See `HAND` and ``config/hand.yaml``.

    Topics
    ------
    ~/commands : std_msgs/Float64MultiArray, subscribed
        As a forward_command_controller takes it: one number for each joint.
    ~/joint_trajectory : trajectory_msgs/JointTrajectory, subscribed
        As a joint_trajectory_controller takes it; positions.
    joint_states : sensor_msgs/JointState, published at ``rate``
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz

    Services
    --------
    ~/stall : std_srvs/Trigger
        Something blocks the joints from now on.
    ~/drop_out : std_srvs/Trigger
        The cable is out: no command arrives, no joint state leaves.
    ~/release : std_srvs/Trigger
        Neither any more.
    """

    active_state = 'simulating'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('hand', **kwargs)
        self.declare_table(HAND)
        self._model: HandModel | None = None
        self._dropped_out = False
        self._counts = {'commands': 0, 'refused': 0}
        self._last = (time.monotonic(), 0, 0)
        self._state = JointState()
        self._states = self.create_publisher(JointState, 'joint_states', qos.JOINT_STATES)
        self.create_subscription(
            Float64MultiArray, '~/commands', self._taking(self._command), qos.COMMANDS
        )
        self.create_subscription(
            JointTrajectory, '~/joint_trajectory', self._taking(self._follow), qos.COMMANDS
        )
        for name, action in (
            ('stall', self._on_stall),
            ('drop_out', self._on_drop_out),
            ('release', self._on_release),
        ):
            self.create_service(Trigger, f'~/{name}', action)
        self._timer: Any = None
        self._now_s: Callable[[], float] = time.monotonic
        self._diagnostics = Diagnostics(self, 'hand', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Read the URDF; the hand is open."""
        self._model = self._make_model()
        self.status_message = f'A hand of {len(self._model.names)} joints is ready.'

    def _make_model(self) -> HandModel:
        values = self.parameter_values(HAND)
        path = Path(values['urdf']).expanduser() if values['urdf'] else own_urdf()
        limits = read_joint_limits(path)
        names = list(values['joints'])
        unknown = [name for name in names if name not in limits]
        if unknown or not names or len(set(names)) != len(names):
            raise ControlError(
                f'joints: got {", ".join(names) or "none"}, expected each at most once of '
                f'{", ".join(limits)}, which {path} has.'
            )
        chosen = {name: limits[name] for name in names}
        if values['max_velocity'] > 0:
            most = values['max_velocity']
            chosen = {
                name: type(limit)(limit.lower, limit.upper, min(most, limit.velocity))
                for name, limit in chosen.items()
            }
        return HandModel(
            chosen, values['interface_name'], values['time_constant'], values['command_timeout']
        )

    def activate(self) -> None:
        """Obey commands from now on, from where the hand stands."""
        model = self._make_model()  # parameters may have changed since
        if self._model is not None and self._model.names == model.names:
            model.positions = self._model.positions
        self._model = model
        self._state = JointState(name=model.names)
        self._dropped_out = False
        simulated = self.get_parameter('use_sim_time').value
        clock = self.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        self._now_s = lambda: clock.now().nanoseconds * 1e-9
        model.hold(self._now_s())
        rate = self.get_parameter('rate').value
        self._timer = self.create_timer(1.0 / rate, self._tick, clock=clock)
        self.status_message = 'Simulating.'

    def deactivate(self) -> None:
        """Stand still."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None
        self.status_message = 'Still.'

    def cleanup(self) -> None:
        """Forget the hand."""
        self.deactivate()
        self._model = None

    # -- commands and motion ------------------------------------------------------------------

    def _taking(self, take: Callable[[Any, HandModel], None]) -> Callable[[Any], None]:
        """Return a callback that counts commands, and says why one is refused."""

        def callback(message: Any) -> None:
            if self._timer is None or self._model is None or self._dropped_out:
                return
            self._counts['commands'] += 1
            try:
                take(message, self._model)
            except ControlError as error:
                self._counts['refused'] += 1
                self.get_logger().warning(str(error), throttle_duration_sec=1.0)
                if self.status_message != str(error):
                    self.set_status(str(error))

        return callback

    def _command(self, message: Float64MultiArray, model: HandModel) -> None:
        model.command(message.data, self._now_s())

    def _follow(self, message: JointTrajectory, model: HandModel) -> None:
        now_s = self._now_s()
        stamp_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        if stamp_s > 0:  # else: from now on
            now_s += stamp_s - self.get_clock().now().nanoseconds * 1e-9
        after_s = [
            p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in message.points
        ]
        points = [list(point.positions) for point in message.points]
        if any(len(point) != len(message.joint_names) for point in points):
            points = [[]]
        model.follow_trajectory(message.joint_names, after_s, points, now_s)

    def _tick(self) -> None:
        model = self._model
        if model is None:
            return
        model.step(self._now_s())
        if self._dropped_out:
            return
        self._state.header.stamp = self.get_clock().now().to_msg()
        self._state.position = model.positions.tolist()
        self._state.velocity = model.velocities.tolist()
        self._states.publish(self._state)

    # -- faults to try out --------------------------------------------------------------------

    def _on_stall(self, request: Any, response: Any) -> Any:
        return self._afflict(response, 'The joints are blocked.', stalled=True)

    def _on_drop_out(self, request: Any, response: Any) -> Any:
        return self._afflict(response, 'The cable is out.', dropped_out=True)

    def _on_release(self, request: Any, response: Any) -> Any:
        return self._afflict(response, 'Simulating.', stalled=False, dropped_out=False)

    def _afflict(self, response: Any, message: str, **states: bool) -> Any:
        if self._timer is None or self._model is None:
            response.message = (
                f"The hand is '{self.lifecycle_state}', expected 'active'; activate it first."
            )
            return response
        self._model.stalled = states.get('stalled', self._model.stalled)
        self._dropped_out = states.get('dropped_out', self._dropped_out)
        self.set_status(message)
        response.success, response.message = True, message
        return response

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        then, commands, refused = self._last
        now, counts = time.monotonic(), self._counts
        self._last = (now, counts['commands'], counts['refused'])
        stalled = self._model is not None and self._model.stalled
        facts = {
            'state': self.lifecycle_state,
            'command rate [Hz]': f'{(counts["commands"] - commands) / max(1e-3, now - then):.1f}',
            **{name: str(count) for name, count in counts.items()},
            'clamped': str(self._model.clamped if self._model is not None else 0),
            'stalled': str(stalled).lower(),
            'dropped out': str(self._dropped_out).lower(),
        }
        if stalled or self._dropped_out or counts['refused'] > refused:
            return DiagnosticStatus.WARN, self.status_message, facts
        return DiagnosticStatus.OK, self.status_message, facts


def own_urdf() -> Path:
    """Return the file that describes this package's hand."""
    return Path(get_package_share_directory('myogestic_ros'), 'urdf', 'hand.urdf')


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(HandNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
