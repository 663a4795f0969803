"""The bridge node: predictions as commands of a hand, safely."""

from __future__ import annotations

import contextlib
import math
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException
from sensor_msgs.msg import JointState

from myogestic_ros.control.arming import Arming
from myogestic_ros.control.commander import Commander
from myogestic_ros.control.mapping import Mapping
from myogestic_ros.core.errors import ControlError
from myogestic_ros.msg import BridgeStatus, Prediction
from myogestic_ros.nodes.bridge.command_loop import CommandLoop
from myogestic_ros.nodes.bridge.command_publisher import CommandPublisher, default_topic
from myogestic_ros.nodes.bridge.controller_joints import ControllerJoints
from myogestic_ros.nodes.bridge.parameters import (
    BRIDGE,
    read_bridge_mapping,
    watchdog_settings,
)
from myogestic_ros.nodes.bridge.services import BridgeServices, disarmed
from myogestic_ros.nodes.bridge.status import bridge_status, health, sentence
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import time_from_ros
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.nodes.common.prediction_conversions import intent_from_ros

__all__ = ['BridgeNode', 'main']


class BridgeNode(ManagedNode):
    """Drive a hand by predictions.

    ACTIVE means that it may be armed; it sends commands from ``~/arm`` on. Deactivated, it takes
    the hand to rest and then sends nothing.

    Parameters
    ----------
    See `BRIDGE`, ``config/bridge.yaml`` and, for the mapping, ``docs/how-to/drive-a-hand.md``.

    Topics
    ------
    pipeline/predictions : Prediction, subscribed
    joint_states : JointState, subscribed
        Where the hand is.
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
        self.declare_table(BRIDGE)
        self.arming = Arming()  # one for the life of the node: a stop outlasts what is configured
        self._mapping: Mapping | None = None
        self._drive: CommandLoop | None = None
        self._writer: CommandPublisher | None = None
        self._leaving: CommandLoop | None = None  # of the configuration before, on its way to rest
        self._controller: ControllerJoints | None = None
        self._subscriptions_made: list[Any] = []
        self._jumps: Any = None
        self._believed: dict[str, float] = {}
        self._offered = BridgeServices(self)
        self._diagnostics = Diagnostics(self, 'bridge', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Read the mapping, and listen; nothing is sent."""
        if self._leaving is not None and self._leaving.running:
            raise ControlError('The hand is still on its way to rest; try again in a moment.')
        if self._leaving is not None:
            self._believed.update(self._leaving.position())
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
        )
        commander.believe(self._believed)
        topic = values['output_topic'] or default_topic(values['output'])
        self._mapping = mapping
        try:
            self._writer = CommandPublisher(self, values['output'], topic, joints, period_s)
            self._listen(values)
        except NameValidationException as error:
            raise ControlError(' '.join(str(error).split()).rstrip(' ^') + '.') from error
        self._drive = CommandLoop(
            commander,
            self._writer.write,
            values['command_rate'],
            on_change=lambda: self._later(self._announce),
            on_failure=self._on_failure,
            on_end=partial(self._later, self._writer.close),
        )
        self.status_message = f'Ready to drive {len(joints)} joints on {self._writer.topic}.'

    def _listen(self, values: dict[str, Any]) -> None:
        subscribe = self.create_subscription
        self._subscriptions_made = [
            subscribe(Prediction, values['predictions'], self._on_prediction, qos.NEWEST)
        ]
        if values['state_topic']:
            self._subscriptions_made.append(
                subscribe(JointState, values['state_topic'], self._on_state, qos.NEWEST)
            )
        if values['controller']:
            self._controller = ControllerJoints(self, values['controller'])
        jump = Duration(seconds=values['timeout'])
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=jump, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._on_jump,
        )

    def activate(self) -> None:
        """Allow arming."""
        if self._controller is not None:
            self._controller.ask_again()
        self.status_message = disarmed('Active')

    def deactivate(self) -> None:
        """Take the hand to rest, then send nothing; one that is stopped stays where it is."""
        if self._drive is None:
            return
        moved = self.arming.armed and not self.arming.stopped
        self._drive.retire()
        self.status_message = 'Deactivated.'
        if moved:
            self.status_message = 'Deactivated; the hand goes to rest.'
        within_s = self.get_parameter('rest_within').value
        if self.shutting_down and not self._drive.settle(within_s):
            self.get_logger().warning(
                f'The hand has not reached rest within {within_s:g} s; it stays where it is.'
            )

    def cleanup(self) -> None:
        """Forget the mapping; a hand that is on its way to rest gets there."""
        if self._jumps is not None:
            self._jumps.unregister()
            self._jumps = None
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._subscriptions_made = []
        if self._controller is not None:
            self._controller.close()
            self._controller = None
        if self._drive is not None:
            self.deactivate()
            self._drive.end(1.0 if self.shutting_down else None)
            self._leaving = self._drive
        elif self._writer is not None:
            self._writer.close()
        self._drive, self._writer, self._mapping = None, None, None

    def _end(self) -> None:
        super()._end()
        if self._leaving is not None:  # cleaned up a moment ago, it may be on its way to rest
            self._leaving.settle(self.get_parameter('rest_within').value)

    def apply_parameters(self, names: set[str]) -> None:
        """Apply what concerns the age of predictions; the rest waits until it is configured."""
        if self._drive is not None:
            self._drive.configure_watchdog(watchdog_settings(self.parameter_values(BRIDGE)))

    # -- for the services ---------------------------------------------------------------------

    @property
    def moving(self) -> CommandLoop | None:
        """What moves the hand, if anything does: also when it is on its way out."""
        return self._drive or self._leaving

    def controller_trouble(self) -> str | None:
        """Return why commands would not suit the controller; None when they do."""
        if self._controller is None or self._mapping is None:
            return None
        joints = list(self._mapping.joint_names)
        return self._controller.trouble(joints, self.get_parameter('output').value)

    # -- what is heard ------------------------------------------------------------------------

    def _on_prediction(self, message: Prediction, info: Any) -> None:
        if self._drive is None or self._mapping is None:
            return
        age_ns = self.get_clock().now().nanoseconds - time_from_ros(message.header.stamp)
        key = self._mapping.speed.removeprefix('extra:')
        count = partial(self.count_publishers, self._subscriptions_made[0].topic_name)
        self._drive.hear(intent_from_ros(message, info, count, key), age_ns * 1e-9)

    def _on_state(self, message: JointState) -> None:
        if self._drive is not None:
            self._drive.feel(dict(zip(message.name, message.position)))  # noqa: B905

    def _on_jump(self, jump: TimeJump) -> None:
        if self._drive is not None and self.get_parameter('check_stamps').value:
            by_s = jump.delta.nanoseconds * 1e-9
            self.get_logger().warning(f'The clock was set by {by_s:+.3f} s.')
            self._drive.clock_jumped(by_s)

    # -- from the thread of the drive ---------------------------------------------------------

    def _later(self, action: Callable[[], None]) -> None:
        """Let the executor do something; when there is none any more, it is over anyway."""
        executor = self.executor
        if executor is not None and not self.shutting_down:
            with contextlib.suppress(Exception):
                executor.create_task(action)

    def _announce(self) -> None:
        if self.moving is None:
            return
        situation = self.moving.situation
        message = sentence(situation, self.lifecycle_state)
        if message is not None:
            self.status_message = message
        if situation.state == BridgeStatus.RESTING:
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
            situation = self._drive.situation if self._drive is not None else None
            status = bridge_status(
                self.lifecycle_state, self.status_message, self.arming, situation
            )
            status.header.stamp = self.get_clock().now().to_msg()
            self._status_publisher.publish(status)

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        return health(
            self.lifecycle_state, self.status_message, self.arming, self._drive, self._writer
        )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(BridgeNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
