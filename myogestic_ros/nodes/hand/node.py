"""The hand node: a simulated hand with the interface of a ros2_control controller."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.task import Future
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

QUIET_S = 0.3
"""Time without a command after which nothing moves the hand any more."""

HAND = (
    Parameter(
        'urdf',
        '',
        'URDF file of the hand; empty: urdf/hand.urdf of this package.',
        used_at='activation',
    ),
    Parameter(
        'joints',
        [
            *('thumb_rotation', 'thumb_flexion', 'index_flexion', 'middle_flexion'),
            *('ring_flexion', 'little_flexion', 'wrist_flexion', 'wrist_rotation'),
        ],
        'Commanded joints, in the order of the values in ~/commands.',
        used_at='activation',
    ),
    Parameter(
        'interface_name',
        'position',
        'Unit of the values in ~/commands: position, rad, or velocity, rad/s.',
        choices=INTERFACES,
        used_at='activation',
    ),
    Parameter(
        'rate',
        100.0,
        'Joint states per second, Hz.',
        minimum=1.0,
        maximum=1000.0,
        used_at='activation',
    ),
    Parameter(
        'time_constant',
        0.06,
        'Time constant of the joints, s; 0: no lag.',
        minimum=0.0,
        maximum=10.0,
        used_at='activation',
    ),
    Parameter(
        'max_velocity',
        0.0,
        'Speed limit of all joints, rad/s; 0: the limits of the URDF.',
        minimum=0.0,
        maximum=100.0,
        used_at='activation',
    ),
    Parameter(
        'command_timeout',
        0.5,
        'Time without a command after which a velocity ends, s; 0: never. Positions are kept.',
        minimum=0.0,
        maximum=60.0,
        used_at='activation',
    ),
)


class HandNode(ManagedNode):
    """Simulate a hand.

    While ACTIVE the node simulates the hand. Otherwise the hand does not move, ignores commands
    and publishes no joint states.

    Parameters
    ----------
    See `HAND` and ``config/hand.yaml``.

    Topics
    ------
    ~/commands : std_msgs/Float64MultiArray, subscribed
        As for a forward_command_controller: one value per joint.
    ~/joint_trajectory : trajectory_msgs/JointTrajectory, subscribed
        As for a joint_trajectory_controller; only positions are used.
    joint_states : sensor_msgs/JointState, published at ``rate``
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz

    Services
    --------
    ~/stall : std_srvs/Trigger
        Block the joints.
    ~/drop_out : std_srvs/Trigger
        Disconnect the hand: ignore commands and publish no joint states.
    ~/release : std_srvs/Trigger
        End the stall and the drop-out.
    """

    active_state = 'simulating'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('hand', **kwargs)
        self.declare_table(HAND)
        self._model: HandModel | None = None
        self._dropped_out = False
        self._counts = {'commands': 0, 'refused': 0}
        self._last_command_s = -math.inf
        self._last_diagnostics = (time.monotonic(), 0, 0)  # time, commands, refused
        self._joint_state = JointState()
        self._publisher = self.create_publisher(JointState, 'joint_states', qos.JOINT_STATES)
        self.create_subscription(
            Float64MultiArray,
            '~/commands',
            self._command_callback(self._set_command),
            qos.COMMANDS,
        )
        self.create_subscription(
            JointTrajectory,
            '~/joint_trajectory',
            self._command_callback(self._set_trajectory),
            qos.COMMANDS,
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
        """Read the URDF; all joints begin at 0."""
        self._model = self._make_model()
        self.status_message = f'Ready to simulate a hand with {len(self._model.names)} joints.'

    def _make_model(self) -> HandModel:
        values = self.parameter_values(HAND)
        path = Path(values['urdf']).expanduser() if values['urdf'] else default_urdf()
        limits = read_joint_limits(path)
        names = list(values['joints'])
        unknown = [name for name in names if name not in limits]
        if unknown or not names or len(set(names)) != len(names):
            raise ControlError(
                f'joints: got {", ".join(names) or "none"}, expected each joint at most once, of '
                f'{", ".join(limits)} (in {path}).'
            )
        selected = {name: limits[name] for name in names}
        if values['max_velocity'] > 0:
            maximum = values['max_velocity']
            selected = {
                name: replace(limit, velocity=min(maximum, limit.velocity))
                for name, limit in selected.items()
            }
        return HandModel(
            selected, values['interface_name'], values['time_constant'], values['command_timeout']
        )

    def activate(self) -> None:
        """Begin to simulate, from the current position of the hand."""
        model = self._make_model()  # parameters may have changed since `configure`
        if self._model is not None and self._model.names == model.names:
            model.positions = self._model.positions
        self._model = model
        self._joint_state = JointState(name=model.names)
        self._dropped_out = False
        simulated = self.get_parameter('use_sim_time').value
        clock = self.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        self._now_s = lambda: clock.now().nanoseconds * 1e-9
        model.hold(self._now_s())
        rate = self.get_parameter('rate').value
        self._timer = self.create_timer(1.0 / rate, self._tick, clock=clock)
        self.status_message = 'Simulating.'

    def deactivate(self) -> None:
        """Stop the simulation; the hand keeps its position."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None
        self.status_message = 'Deactivated; the hand does not move.'

    def finish(self) -> Future[None] | None:
        """Simulate on while commands arrive: a bridge that ends too moves the hand to rest."""
        if self._timer is None or self._is_quiet():
            return None
        finished: Future[None] = Future(executor=self.executor)

        def check() -> None:
            if self._is_quiet() and not finished.done():
                finished.set_result(None)

        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(QUIET_S / 10, check, clock=clock)
        return finished

    def _is_quiet(self) -> bool:
        """Return True if no command has arrived for a while."""
        return time.monotonic() - self._last_command_s > QUIET_S

    def cleanup(self) -> None:
        """Discard the model of the hand."""
        self.deactivate()
        self._model = None

    # -- commands and motion ------------------------------------------------------------------

    def _command_callback(self, apply: Callable[[Any, HandModel], None]) -> Callable[[Any], None]:
        """Return a callback that applies commands, counts them, and reports refused ones."""

        def callback(message: Any) -> None:
            if self._timer is None or self._model is None or self._dropped_out:
                return
            self._counts['commands'] += 1
            self._last_command_s = time.monotonic()
            try:
                apply(message, self._model)
            except ControlError as error:
                self._counts['refused'] += 1
                self.get_logger().warning(str(error), throttle_duration_sec=1.0)
                if self.status_message != str(error):
                    self.set_status(str(error))

        return callback

    def _set_command(self, message: Float64MultiArray, model: HandModel) -> None:
        model.command(message.data, self._now_s())

    def _set_trajectory(self, message: JointTrajectory, model: HandModel) -> None:
        now_s = self._now_s()
        stamp_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        if stamp_s > 0:  # 0 means: start now
            now_s += stamp_s - self.get_clock().now().nanoseconds * 1e-9
        times_s = [
            p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in message.points
        ]
        points = [list(point.positions) for point in message.points]
        if any(len(point) != len(message.joint_names) for point in points):
            points = [[]]  # refused by the model
        model.follow_trajectory(message.joint_names, times_s, points, now_s)

    def _tick(self) -> None:
        model = self._model
        if model is None:
            return
        model.step(self._now_s())
        if self._dropped_out:
            return
        self._joint_state.header.stamp = self.get_clock().now().to_msg()
        self._joint_state.position = model.positions.tolist()
        self._joint_state.velocity = model.velocities.tolist()
        self._publisher.publish(self._joint_state)

    # -- simulated faults ---------------------------------------------------------------------

    def _on_stall(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._set_faults(response, 'Stalled: the joints are blocked.', stalled=True)

    def _on_drop_out(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        return self._set_faults(
            response,
            'Disconnected: commands are ignored and no joint states are published.',
            dropped_out=True,
        )

    def _on_release(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        return self._set_faults(response, 'Simulating.', stalled=False, dropped_out=False)

    def _set_faults(
        self, response: Trigger.Response, message: str, **faults: bool
    ) -> Trigger.Response:
        if self._timer is None or self._model is None:
            response.message = (
                f"The hand is '{self.lifecycle_state}', expected 'active'; activate it first."
            )
            return response
        self._model.stalled = faults.get('stalled', self._model.stalled)
        self._dropped_out = faults.get('dropped_out', self._dropped_out)
        self.set_status(message)
        response.success, response.message = True, message
        return response

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        before_s, commands, refused = self._last_diagnostics
        now_s, counts = time.monotonic(), self._counts
        self._last_diagnostics = (now_s, counts['commands'], counts['refused'])
        stalled = self._model is not None and self._model.stalled
        info = {
            'state': self.lifecycle_state,
            'command rate [Hz]': f'{(counts["commands"] - commands) / max(1e-3, now_s - before_s):.1f}',
            **{name: str(count) for name, count in counts.items()},
            'clamped': str(self._model.clamped if self._model is not None else 0),
            'stalled': str(stalled).lower(),
            'dropped out': str(self._dropped_out).lower(),
        }
        if stalled or self._dropped_out or counts['refused'] > refused:
            return DiagnosticStatus.WARN, self.status_message, info
        return DiagnosticStatus.OK, self.status_message, info


def default_urdf() -> Path:
    """Return the path of this package's hand URDF."""
    return Path(get_package_share_directory('myogestic_ros'), 'urdf', 'hand.urdf')


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(HandNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
