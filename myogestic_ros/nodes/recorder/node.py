"""The recorder node: records labelled sessions as rosbag2 bags."""

from __future__ import annotations

import platform
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import deserialize_message
from std_srvs.srv import Trigger

from myogestic_ros.core.errors import MyoGesticError, SessionError
from myogestic_ros.core.file_access import restrict_files
from myogestic_ros.core.signals import Label
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import label_from_ros, label_to_ros
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.nodes.recorder.label_counter import LabelCounter
from myogestic_ros.nodes.recorder.parameters import RECORDER
from myogestic_ros.nodes.recorder.session_folder import SessionFolder
from myogestic_ros.nodes.recorder.status import diagnostics, final_message
from myogestic_ros.nodes.recorder.subscriptions import RecorderSubscriptions, find_publishers
from myogestic_ros.nodes.recorder.topics import WantedTopic, wanted_topics
from myogestic_ros.sessions.reading.library import create_session
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.srv import ListSessions, SetLabel

__all__ = ['RECORDER', 'RecorderNode', 'main']

CLOSE_TIMEOUT_S = 0.08
"""Longest time for which stop_recording waits until the session is closed."""


class RecorderNode(ManagedNode):
    """Record sessions.

    While ACTIVE the node writes a session. ``~/start_recording`` and ``~/stop_recording`` call the
    lifecycle transitions activate and deactivate. Messages are stored as received, serialized.

    Parameters
    ----------
    See `RECORDER` and ``config/recorder.yaml``.

    Topics
    ------
    emg, emg/info, label : subscribed
    label : Label, published, latched
        Labels set with ``~/set_label``.
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz

    Services
    --------
    ~/start_recording, ~/stop_recording : std_srvs/Trigger
    ~/set_label : SetLabel
    ~/list_sessions : ListSessions
    """

    active_state = 'recording'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('recorder', **kwargs)
        self.declare_table(RECORDER)
        restrict_files(self.get_parameter('file_access').value)
        self._record_subscriptions = RecorderSubscriptions(self, self._on_frame, self._on_latched)
        self._latched: dict[str, bytes] = {}
        self._recording: SessionRecorder | None = None
        self._missing: list[str] = []  # expected topics without a message since the subscription
        self._failure = ''  # error that ended the last recording
        self._label_topic = ''
        self._label_counter = LabelCounter()
        self._closing: list[SessionRecorder] = []  # stopped, perhaps not closed yet
        self._label_publisher: Any = None
        self._session_folder = SessionFolder(lambda: self._session_dir, self._on_repair)
        self.create_service(Trigger, '~/start_recording', self._on_start)
        self.create_service(Trigger, '~/stop_recording', self._on_stop)
        self.create_service(SetLabel, '~/set_label', self._on_set_label)
        self.create_service(ListSessions, '~/list_sessions', self._on_list)
        self._diagnostics = Diagnostics(self, 'recorder', self._collect)

    @property
    def _session_dir(self) -> Path:
        return Path(self.get_parameter('session_dir').value).expanduser()

    def discover(self, stop: threading.Event) -> None:
        """Wait for publishers of the topics to record, so that their first messages are received."""
        try:
            topics = [topic.name for topic in self._wanted_topics() if topic.expected]
        except SessionError:
            return  # reported by `configure`
        if topics:
            self.set_status(f'Waiting for publishers of {", ".join(topics)}.')
            find_publishers(self, topics, self.get_parameter('discovery_timeout').value, stop)
            self.status_message = ''

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Subscribe now, so that latched messages are known when a session begins."""
        wanted = self._wanted_topics()
        label_topic = self.get_parameter('label_topic').value
        self._label_counter.set_classes(self.get_parameter('class_names').value)
        self._label_publisher = self.create_publisher(LabelMessage, label_topic, qos.LABEL)
        self._label_topic = self.resolve_topic_name(label_topic)
        for topic in wanted:
            self._record_subscriptions.subscribe(topic)
        self.status_message = f'Ready to record to {self._session_dir}.'
        self._session_folder.start_repair()

    def _wanted_topics(self) -> list[WantedTopic]:
        names = ('emg_topics', 'label_topic', 'other_topics')
        return wanted_topics(*(self.get_parameter(name).value for name in names))

    def activate(self) -> None:
        """Begin a session with the latched messages."""
        name = self.get_parameter('session_name').value
        if '/' in name or name.startswith('.'):
            raise SessionError(
                f"session_name: got '{name}', expected a name without '/' and without a leading '.'."
            )
        self._session_folder.start_repair()
        self._label_counter.set_classes(self.get_parameter('class_names').value)
        recording = create_session(self._session_dir, name, self._create_recording)
        now_ns = self.get_clock().now().nanoseconds
        current: Label | None = None
        for topic, data in self._latched.items():
            recording.put(topic, data, now_ns)
            current = self._process_label(recording, topic, data) or current
        self._label_counter.begin_session(current)
        self._recording = recording
        self._failure = ''
        self._missing = self._record_subscriptions.start_recording()
        self.status_message = self._recording_message(recording.path)

    def _recording_message(self, path: Path, warning: str = '') -> str:
        """Return the status message of a running recording."""
        published = {topic: bool(self.count_publishers(topic)) for topic in self._missing}
        unpublished = [topic for topic, known in published.items() if not known]
        silent = [topic for topic, known in published.items() if known]
        sentences = [
            f'No publisher on {", ".join(unpublished)} yet.' if unpublished else '',
            f'No message received on {", ".join(silent)} yet.' if silent else '',
            warning,
            f'Recording {path}.',
        ]
        return ' '.join(filter(None, sentences))

    def _create_recording(self, path: Path) -> SessionRecorder:
        return SessionRecorder(
            path,
            self._info(),
            list(self._record_subscriptions.topics.values()),
            queue_bytes=self.get_parameter('queue_mib').value * 2**20,
            flush_interval_s=self.get_parameter('flush_interval').value,
            sync_interval_s=self.get_parameter('sync_interval').value,
            on_error=lambda message: self._on_disk_error(path, message),
            on_disk_warning=lambda warning: self._on_disk_warning(path, warning),
        )

    def deactivate(self) -> None:
        """End the session and close it."""
        recording, self._recording = self._recording, None
        if recording is not None:
            report = recording.stop(CLOSE_TIMEOUT_S if not self.shutting_down else None)
            self.status_message = final_message(report)
            self._closing = [*self._closing[-3:], recording]

    def _on_disk_error(self, path: Path, message: str) -> None:
        """Deactivate, unless the error concerns a previous session that is still being closed."""
        current = self._recording
        if current is None or current.path == path:
            self._failure = message
            self.request_deactivation(message)
        else:
            self.get_logger().error(message)

    def _on_disk_warning(self, path: Path, warning: str) -> None:
        """Report that the disk is too slow or nearly full, or, with '', no longer."""
        logger = self.get_logger()
        logger.warning(warning) if warning else logger.info('The disk keeps up again.')
        if self._recording is not None and self._recording.path == path:
            self.set_status(self._recording_message(path, warning))

    def _on_repair(self, message: str, success: bool) -> None:
        """Report the repair of an interrupted session."""
        self.get_logger().warning(message)
        if self.lifecycle_state == 'inactive' or not success:
            self.set_status(message)

    def cleanup(self) -> None:
        """Close the session and destroy the subscriptions."""
        self.deactivate()
        if self.shutting_down:  # wait until all data is written before the process ends
            for recording in self._closing:
                recording.stop()
        self._record_subscriptions.close()
        self._latched.clear()
        if self._label_publisher is not None:
            self.destroy_publisher(self._label_publisher)
            self._label_publisher = None

    def _info(self) -> SessionInfo:
        software = {'python': platform.python_version()}
        for package in ('myogestic-ros', 'mcap'):
            try:
                software[package] = version(package)
            except PackageNotFoundError:
                continue
        texts = {n: self.get_parameter(n).value for n in ('subject', 'protocol', 'device')}
        return SessionInfo(
            class_names=tuple(self._label_counter.names), software=software, **texts
        )

    def value_error(self, name: str, value: Any) -> str | None:
        """Refuse a session name that is a path, and topics whose type is not installed."""
        if name == 'session_name' and ('/' in value or value.startswith('.')):
            return "expected a name without '/' and without a leading '.'"
        if name == 'other_topics':
            try:
                wanted_topics([], '', value)
            except SessionError as error:
                return str(error).removesuffix('.')
        return None

    # -- messages -----------------------------------------------------------------------------

    def _on_frame(self, topic: str, data: bytes) -> None:
        if self._recording is not None:
            self._recording.put(topic, data, self.get_clock().now().nanoseconds)
            if topic in self._missing:
                self._missing.remove(topic)
                self.set_status(
                    self._recording_message(self._recording.path, self._recording.disk_warning)
                )

    def _on_latched(self, topic: str, data: bytes) -> None:
        self._latched[topic] = data
        if self._recording is not None:
            self._recording.put(topic, data, self.get_clock().now().nanoseconds)
            self._process_label(self._recording, topic, data)

    def _process_label(self, recording: SessionRecorder, topic: str, data: bytes) -> Label | None:
        """Return the label in a message of the label topic, and add its class to the session."""
        if topic != self._label_topic:
            return None
        try:
            label = label_from_ros(deserialize_message(data, LabelMessage))
        except Exception as error:  # malformed data; it is recorded as received
            self.get_logger().warning(
                f'Received a message on {topic} that is not a valid Label: {error}', once=True
            )
            return None
        if label.index >= 0:
            recording.add_class(label.index, label.name)
        return label

    # -- services -----------------------------------------------------------------------------

    def _on_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self.request_transition('activate', 'start recording')
        return response

    def _on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self.request_transition(
            'deactivate', 'stop recording'
        )
        return response

    def _on_set_label(
        self, request: SetLabel.Request, response: SetLabel.Response
    ) -> SetLabel.Response:
        try:
            label = self._next_label(request.name)
        except MyoGesticError as error:
            response.success, response.message = False, str(error)
            return response
        self._label_publisher.publish(label_to_ros(label))
        response.success = True
        response.message = (
            f"Label set to '{label.name}', repetition {label.repetition + 1}."
            if label.name
            else 'Label ended: no class.'
        )
        return response

    def _next_label(self, name: str) -> Label:
        if self._label_publisher is None:
            raise SessionError(
                "Cannot set a label: the node is 'unconfigured'; configure it first."
            )
        return self._label_counter.label(name, self.get_clock().now().nanoseconds)

    def _on_list(
        self, _: ListSessions.Request, response: ListSessions.Response
    ) -> ListSessions.Response:
        current = self._recording.path if self._recording is not None else None
        self._session_folder.list_sessions(response, current)
        return response

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        recording = self._recording
        info = {'state': self.lifecycle_state, 'session_dir': str(self._session_dir)}
        if recording is None:
            level = DiagnosticStatus.ERROR if self._failure else DiagnosticStatus.OK
            return level, self._failure or self.status_message, info
        level, message, more = diagnostics(recording, self._record_subscriptions.silent)
        return level, message or self.status_message, info | more


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(RecorderNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
