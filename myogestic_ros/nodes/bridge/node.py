"""The bridge node: turns predictions into commands for a hand."""

from __future__ import annotations

import contextlib
import math
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException
from rclpy.task import Future
from sensor_msgs.msg import JointState

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.commander import Commander
from myogestic_ros.control.mapping import Mapping
from myogestic_ros.control.reason import Reason
from myogestic_ros.core.errors import ControlError
from myogestic_ros.msg import BridgeStatus, Prediction
from myogestic_ros.nodes.bridge.command_loop import CommandLoop
from myogestic_ros.nodes.bridge.command_publisher import CommandPublisher, default_topic
from myogestic_ros.nodes.bridge.controller_joints import ControllerJoints
from myogestic_ros.nodes.bridge.emergency_stop import EmergencyStopTopic
from myogestic_ros.nodes.bridge.parameters import (
    BRIDGE,
    read_bridge_mapping,
    tracking_settings,
    watchdog_settings,
)
from myogestic_ros.nodes.bridge.services import BridgeServices, disarmed_message
from myogestic_ros.nodes.bridge.status import bridge_status, diagnostics, state_message
from myogestic_ros.nodes.bridge.stop_node import StopNode
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import time_from_ros
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.nodes.common.prediction_conversions import intent_from_ros, publisher_id

__all__ = ['BridgeNode', 'main']

CONFLICT_INTERVAL_S = 0.2
"""Time between two looks for other nodes that command the hand."""
REST_CHECK_INTERVAL_S = 0.02
"""Time between two looks whether the hand is at rest, while the node ends."""


class BridgeNode(ManagedNode):
    """Drive a hand with predictions.

    While ACTIVE the bridge can be armed; it sends commands after ``~/arm`` is called. When it is
    deactivated it moves the hand to rest and then sends no commands.

    Parameters
    ----------
    See `BRIDGE`, ``config/bridge.yaml`` and, for the mapping, ``docs/how-to/drive-a-hand.md``.

    Topics
    ------
    pipeline/predictions : Prediction, subscribed
    joint_states : JointState, subscribed
        Measured joint positions of the hand.
    /emergency_stop : std_msgs/Bool, published and subscribed, latched
        The emergency stop that all bridges obey.
    hand/commands : Float64MultiArray or JointState, published
    hand/joint_trajectory : JointTrajectory, published
    ~/status : BridgeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz

    Services
    --------
    ~/arm, ~/disarm, ~/emergency_stop, ~/reset : Trigger
    """

    active_state = 'commanding'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('bridge', **kwargs)
        self.arming = Arming()  # kept for the life of the node: a stop outlasts a cleanup
        self.declare_table(BRIDGE)
        self._mapping: Mapping | None = None
        self._loop: CommandLoop | None = None
        self._publisher: CommandPublisher | None = None
        # Loop of the previous configuration, which may still move the hand to rest.
        self._previous_loop: CommandLoop | None = None
        self._controller: ControllerJoints | None = None
        self._input_subscriptions: list[Any] = []
        self._jump_handle: Any = None
        self._initial_position: dict[str, float] = {}
        self._bridge_services = BridgeServices(self)
        self._stop_node = StopNode(
            self,
            self.get_parameter('emergency_stop_topic').value,
            self._bridge_services.stop,
            self._bridge_services.on_emergency_stop,
        )
        self._rest_by_s: float | None = None  # while the node ends
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._conflict_timer = self.create_timer(
            CONFLICT_INTERVAL_S, self.check_conflict, clock=self._steady_clock
        )
        self._diagnostics = Diagnostics(self, 'bridge', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Read the mapping and subscribe to the inputs; no commands are sent."""
        previous = self._previous_loop
        if previous is not None and previous.timer.running:
            raise ControlError(
                'Cannot configure: the hand is still going to rest; try again in a few seconds.'
            )
        if previous is not None:
            with previous.locked() as commander:
                self._initial_position.update(commander.commanded_position())
        values = self.parameter_values(BRIDGE)
        mapping = read_bridge_mapping(values)
        joints = list(mapping.joint_names)
        period_s = 1.0 / values['command_rate']
        commander = Commander(
            mapping,
            period_s,
            watchdog_settings(values),
            values['state_timeout'] if values['state_topic'] else math.inf,
            self.arming,
            tracking_settings(values),
        )
        commander.set_initial_position(self._initial_position)
        topic = values['output_topic'] or default_topic(values['output'])
        self._mapping = mapping
        try:
            self._publisher = CommandPublisher(self, values['output'], topic, joints, period_s)
            self._subscribe(values)
        except NameValidationException as error:
            raise ControlError(' '.join(str(error).split()).rstrip(' ^') + '.') from error
        self._loop = CommandLoop(
            commander,
            self._publisher.publish,
            values['command_rate'],
            on_change=lambda: self._run_in_executor(self._on_state_change),
            on_failure=self._on_failure,
            on_end=partial(self._run_in_executor, self._publisher.close),
        )
        self.status_message = f'Ready to command {len(joints)} joints on {self._publisher.topic}.'

    def _subscribe(self, values: dict[str, Any]) -> None:
        subscribe = self.create_subscription
        self._input_subscriptions = [
            subscribe(Prediction, values['predictions'], self._on_prediction, qos.NEWEST)
        ]
        if values['state_topic']:
            self._input_subscriptions.append(
                subscribe(JointState, values['state_topic'], self._on_joint_state, qos.NEWEST)
            )
        if values['controller']:
            self._controller = ControllerJoints(self, values['controller'])
        jump = Duration(seconds=values['timeout'])
        self._jump_handle = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=jump, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._on_clock_jump,
        )

    def activate(self) -> None:
        """Allow arming."""
        if self._controller is not None:
            self._controller.restart()
        self.status_message = disarmed_message('Active.')

    def deactivate(self) -> None:
        """Move the hand to rest, then send no commands; a stopped hand holds its position."""
        if self._loop is None:
            return
        goes_to_rest = self.arming.armed and not self.arming.stopped
        with self._loop.locked() as commander:
            commander.go_to_rest()
        self.status_message = 'Deactivated.'
        if goes_to_rest:
            self.status_message = 'Deactivated; the hand goes to rest.'
        if self.shutting_down and not self._loop.wait_until_idle(self._time_to_rest_s()):
            timeout_s = self.get_parameter('rest_within').value
            self.get_logger().warning(
                f'The hand did not reach rest within {timeout_s:g} s; it holds its position.'
            )

    def finish(self) -> Future[None] | None:
        """Move the hand to rest while its joint states still arrive."""
        if self.lifecycle_state == 'active':
            self.trigger_deactivate()
        if not self.arming.armed or self.arming.stopped:
            return None
        end_s = self._rest_by_s = time.monotonic() + self.get_parameter('rest_within').value
        finished: Future[None] = Future(executor=self.executor)

        def check() -> None:
            moving = self.arming.armed and time.monotonic() < end_s
            if not moving and not finished.done():
                finished.set_result(None)

        self.create_timer(REST_CHECK_INTERVAL_S, check, clock=self._steady_clock)
        return finished

    def _time_to_rest_s(self) -> float:
        """Return the time that the hand still has to reach rest, s."""
        if self._rest_by_s is None:
            return float(self.get_parameter('rest_within').value)
        return max(0.0, self._rest_by_s - time.monotonic())

    def cleanup(self) -> None:
        """Discard the mapping; a hand that is going to rest still gets there."""
        if self._jump_handle is not None:
            self._jump_handle.unregister()
            self._jump_handle = None
        for subscription in self._input_subscriptions:
            self.destroy_subscription(subscription)
        self._input_subscriptions = []
        if self._controller is not None:
            self._controller.close()
            self._controller = None
        if self._loop is not None:
            self.deactivate()
            self._loop.timer.end(1.0 if self.shutting_down else None)
            self._previous_loop = self._loop
        elif self._publisher is not None:
            self._publisher.close()
        self._loop, self._publisher, self._mapping = None, None, None

    def _end(self) -> None:
        super()._end()
        if self._previous_loop is not None:  # after a cleanup the hand may still go to rest
            self._previous_loop.wait_until_idle(self._time_to_rest_s())

    def apply_parameters(self, names: set[str]) -> None:
        """Apply the watchdog parameters; the others take effect at the next configure."""
        if self._loop is not None:
            settings = watchdog_settings(self.parameter_values(BRIDGE))
            with self._loop.locked() as commander:
                commander.watchdog.settings = settings

    def locked_reason(self, name: str) -> str | None:
        """Refuse every parameter of the bridge while it is armed: all of them concern safety."""
        if any(row.name == name for row in BRIDGE) and self.arming.armed:
            return 'the bridge is armed; call ~/disarm first.'
        return None

    def destroy_node(self) -> None:
        """Destroy the node, and that of the emergency stop."""
        self._stop_node.close()
        super().destroy_node()

    # -- for the services ---------------------------------------------------------------------

    @property
    def sending_loop(self) -> CommandLoop | None:
        """The command loop that may send commands: after a cleanup, the previous one."""
        return self._loop or self._previous_loop

    @property
    def stop_topic(self) -> EmergencyStopTopic | None:
        """The topic of the emergency stop; None if it is switched off."""
        return self._stop_node.topic

    def check_conflict(self) -> Reason | None:
        """Return the conflict with another node that commands the hand; None without one."""
        if self._loop is None or self._publisher is None:
            return None
        conflict = self._publisher.conflict
        with self._loop.locked() as commander:
            commander.conflict = conflict
        return conflict

    def controller_incompatibility(self) -> str | None:
        """Return why the controller does not accept the commands; None if it does."""
        if self._controller is None or self._mapping is None:
            return None
        joints = list(self._mapping.joint_names)
        return self._controller.incompatibility(joints, self.get_parameter('output').value)

    # -- inputs -------------------------------------------------------------------------------

    def _on_prediction(self, message: Prediction, info: Any) -> None:
        if self._loop is None or self._mapping is None:
            return
        age_ns = self.get_clock().now().nanoseconds - time_from_ros(message.header.stamp)
        key = self._mapping.speed.removeprefix('extra:')
        count = partial(self.count_publishers, self._input_subscriptions[0].topic_name)
        self._loop.on_prediction(intent_from_ros(message, info, count, key), age_ns * 1e-9)

    def _on_joint_state(self, message: JointState, info: Any) -> None:
        if self._loop is None:
            return
        now_s = time.monotonic()
        positions = dict(zip(message.name, message.position))  # noqa: B905
        with self._loop.locked() as commander:
            commander.on_joint_state(positions, now_s, publisher_id(info))

    def _on_clock_jump(self, jump: TimeJump) -> None:
        if self._loop is not None and self.get_parameter('check_stamps').value:
            by_s = jump.delta.nanoseconds * 1e-9
            self.get_logger().warning(f'The clock was set by {by_s:+.3f} s.')
            with self._loop.locked() as commander:
                commander.watchdog.on_clock_jump(by_s, time.monotonic())

    # -- called from the thread of the command loop -------------------------------------------

    def _run_in_executor(self, action: Callable[[], None]) -> None:
        """Let the executor call ``action``; do nothing while the node is being shut down."""
        executor = self.executor
        if executor is not None and not self.shutting_down:
            with contextlib.suppress(Exception):
                executor.create_task(action)

    def _on_state_change(self) -> None:
        if self.sending_loop is None:
            return
        state = self.sending_loop.state
        message = state_message(state, self.lifecycle_state)
        if message is not None:
            self.status_message = message
        if state.name == BridgeStatus.RESTING:
            self.get_logger().warning(self.status_message, throttle_duration_sec=1.0)
        self.publish_status()

    def _on_failure(self, error: Exception) -> None:
        trace = ''.join(traceback.format_exception(error))
        self.get_logger().error(f'A command could not be sent:\n{trace}')
        self.request_deactivation(f'Emergency stop: a command could not be sent: {error!r}')

    # -- status and diagnostics ---------------------------------------------------------------

    def publish_status(self) -> None:
        """Publish BridgeStatus on ``~/status``."""
        with self._status_lock:
            if self._status_publisher is None:
                self._status_publisher = self.create_publisher(
                    BridgeStatus, '~/status', qos.STATUS
                )
            state = self._loop.state if self._loop is not None else None
            status = bridge_status(self.lifecycle_state, self.status_message, self.arming, state)
            status.header.stamp = self.get_clock().now().to_msg()
            self._status_publisher.publish(status)

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        return diagnostics(
            self.lifecycle_state, self.status_message, self.arming, self._loop, self._publisher
        )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(BridgeNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
