"""What cues say while a protocol runs: labels, progress, targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState

from myogestic_ros.core.signals import NO_CLASS, Label
from myogestic_ros.msg import CueProgress
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import label_to_ros
from myogestic_ros.protocols.runner import RunnerCallbacks
from myogestic_ros.protocols.schedule import Schedule

__all__ = ['CuePublishers', 'CuePublisher']


class CuePublishers:
    """The topics of cues."""

    def __init__(self, node: Node, label_topic: str, target_topic: str) -> None:
        self._node = node
        self.label = node.create_publisher(LabelMessage, label_topic, qos.LABEL)
        self.progress = node.create_publisher(CueProgress, '~/progress', qos.STATUS)
        self.target = node.create_publisher(JointState, target_topic, qos.JOINT_STATES)

    def close(self) -> None:
        """Leave the graph."""
        for publisher in (self.label, self.progress, self.target):
            self._node.destroy_publisher(publisher)


class CuePublisher(RunnerCallbacks):
    """Publish what a conductor tells.

    Parameters
    ----------
    node : Node
        By whose clock the stamps are.
    publishers : CuePublishers
        Where to.
    protocol : str
        Name of the protocol.
    plan : Schedule
        What is to come.
    on_progress, on_done, on_failed : callable
        Called from the conductor's thread: with each progress, at the end, with an error.

    Attributes
    ----------
    completed : int
        Repetitions that are over.
    """

    def __init__(
        self,
        node: Node,
        publishers: CuePublishers,
        protocol: str,
        plan: Schedule,
        *,
        on_progress: Callable[[CueProgress], None],
        on_done: Callable[[], None],
        on_failed: Callable[[Exception], None],
    ) -> None:
        self.completed = 0
        self._node = node
        self._publishers = publishers
        self._protocol = protocol
        self._plan = plan
        self._on_progress = on_progress
        self._on_done = on_done
        self._on_failed = on_failed
        self._label: Label | None = None
        self._number = 0

    def on_step(self, number: int) -> None:
        label = self._plan.steps[number].label(self._now_ns())
        if self._label is None or label.index != NO_CLASS or self._label.index != NO_CLASS:
            self._say(label)
        self.completed = self._plan.completed_before(number)
        self.on_progress(number, self._plan.steps[number].start_s)

    def on_progress(self, number: int, at_s: float) -> None:
        self._number = number
        step = self._plan.steps[number]
        self._tell(
            phase=step.phase,
            class_index=step.index,
            class_name=step.name,
            repetition=step.repetition,
            remaining=min(max(0.0, step.end_s - at_s), step.duration_s),
            total_remaining=max(0.0, self._plan.duration_s - at_s),
            next_class=step.next_name,
            target=self._plan.target(at_s),
        )

    def on_target(self, at_s: float) -> None:
        message = JointState(name=list(self._plan.dofs), position=self._plan.target(at_s))
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publishers.target.publish(message)

    def on_finished(self) -> None:
        self.end(cancelled=False)
        self._on_done()

    def on_error(self, error: Exception) -> None:
        self._on_failed(error)

    def end(self, *, cancelled: bool) -> None:
        """Say that it is over: no class, and done or cancelled."""
        if self._label is not None and self._label.index != NO_CLASS:
            self._say(Label(self._now_ns(), NO_CLASS))
        if not cancelled:
            self.completed = self._plan.n_repetitions
        self._tell(
            phase=CueProgress.CANCELLED if cancelled else CueProgress.DONE,
            target=[0.0] * len(self._plan.dofs),
        )
        # Before the recording is stopped, the recorder must have the label.
        self._publishers.label.wait_for_all_acked(Duration(seconds=0.05))

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _say(self, label: Label) -> None:
        self._publishers.label.publish(label_to_ros(label))
        self._label = label

    def _tell(self, **fields: Any) -> None:
        message = CueProgress(
            protocol=self._protocol,
            step=self._number,
            steps=len(self._plan.steps),
            duration=self._plan.steps[self._number].duration_s,
            completed=self.completed,
            planned=self._plan.n_repetitions,
            dof_names=list(self._plan.dofs),
            **fields,
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publishers.progress.publish(message)
        self._on_progress(message)
