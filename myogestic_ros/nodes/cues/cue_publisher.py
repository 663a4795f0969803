"""Publish labels, progress and targets while a protocol runs."""

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
    """Publishers of the cues node."""

    def __init__(self, node: Node, label_topic: str, target_topic: str) -> None:
        self._node = node
        self.label = node.create_publisher(LabelMessage, label_topic, qos.LABEL)
        self.progress = node.create_publisher(CueProgress, '~/progress', qos.STATUS)
        self.target = node.create_publisher(JointState, target_topic, qos.JOINT_STATES)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self.label, self.progress, self.target):
            self._node.destroy_publisher(publisher)


class CuePublisher(RunnerCallbacks):
    """Publish the cues of a protocol runner.

    Parameters
    ----------
    node : Node
        Node whose clock stamps the messages.
    publishers : CuePublishers
        Publishers of the node.
    protocol : str
        Name of the protocol.
    schedule : Schedule
        Schedule of the protocol.
    on_progress : callable
        Called from the runner's thread with each progress message.
    on_finished : callable
        Called from the runner's thread at the end of the protocol.
    on_error : callable
        Called from the runner's thread with an exception.

    Attributes
    ----------
    completed : int
        Number of completed repetitions.
    """

    def __init__(
        self,
        node: Node,
        publishers: CuePublishers,
        protocol: str,
        schedule: Schedule,
        *,
        on_progress: Callable[[CueProgress], None],
        on_finished: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.completed = 0
        self._node = node
        self._publishers = publishers
        self._protocol = protocol
        self._schedule = schedule
        self._on_progress = on_progress
        self._on_finished = on_finished
        self._on_error = on_error
        self._label: Label | None = None
        self._step_index = 0

    def on_step(self, index: int) -> None:
        label = self._schedule.steps[index].label(self._now_ns())
        if self._label is None or label.index != NO_CLASS or self._label.index != NO_CLASS:
            self._publish_label(label)
        self.completed = self._schedule.completed_before(index)
        self.on_progress(index, self._schedule.steps[index].start_s)

    def on_progress(self, index: int, at_s: float) -> None:
        self._step_index = index
        step = self._schedule.steps[index]
        self._publish_progress(
            phase=step.phase,
            class_index=step.index,
            class_name=step.name,
            repetition=step.repetition,
            remaining=min(max(0.0, step.end_s - at_s), step.duration_s),
            total_remaining=max(0.0, self._schedule.duration_s - at_s),
            next_class=step.next_name,
            target=self._schedule.target(at_s),
        )

    def on_target(self, at_s: float) -> None:
        message = JointState(name=list(self._schedule.dofs), position=self._schedule.target(at_s))
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publishers.target.publish(message)

    def on_finished(self) -> None:
        self.end(cancelled=False)
        self._on_finished()

    def on_error(self, error: Exception) -> None:
        self._on_error(error)

    def end(self, *, cancelled: bool) -> None:
        """End the current label and publish the last progress: done or cancelled."""
        if self._label is not None and self._label.index != NO_CLASS:
            self._publish_label(Label(self._now_ns(), NO_CLASS))
        if not cancelled:
            self.completed = self._schedule.n_repetitions
        self._publish_progress(
            phase=CueProgress.CANCELLED if cancelled else CueProgress.DONE,
            target=[0.0] * len(self._schedule.dofs),
        )
        # The recorder must receive the label before the recording is stopped.
        self._publishers.label.wait_for_all_acked(Duration(seconds=0.05))

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _publish_label(self, label: Label) -> None:
        self._publishers.label.publish(label_to_ros(label))
        self._label = label

    def _publish_progress(self, **fields: Any) -> None:
        message = CueProgress(
            protocol=self._protocol,
            step=self._step_index,
            steps=len(self._schedule.steps),
            duration=self._schedule.steps[self._step_index].duration_s,
            completed=self.completed,
            planned=self._schedule.n_repetitions,
            dof_names=list(self._schedule.dofs),
            **fields,
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publishers.progress.publish(message)
        self._on_progress(message)
