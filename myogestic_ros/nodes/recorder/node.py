"""The recorder node: labelled sessions as rosbag2 bags."""

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
from myogestic_ros.nodes.recorder.status import ended, health
from myogestic_ros.nodes.recorder.subscriptions import RecorderSubscriptions, find_publishers
from myogestic_ros.nodes.recorder.topics import WantedTopic, wanted_topics
from myogestic_ros.sessions.reading.library import create_session
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.srv import ListSessions, SetLabel

__all__ = ['RECORDER', 'RecorderNode', 'main']

MOST_CLASSES = 1000
"""A label with a greater index is taken for rubbish, not for one of so many classes."""
CLOSE_WITHIN_S = 0.08
"""A session that takes longer to close closes on while stop_recording has been answered."""


class RecorderNode(ManagedNode):
    """Record sessions.

    ACTIVE means writing a session; ``~/start_recording`` and ``~/stop_recording`` are the
    lifecycle's activate and deactivate. Messages are stored as they came, never decoded.

    Parameters
    ----------
    See `RECORDER` and ``config/recorder.yaml``.

    Topics
    ------
    emg, emg/info, label : subscribed
    label : Label, published, latched
        What ``~/set_label`` says.
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
        self._inputs = RecorderSubscriptions(self, self._on_frame, self._on_latched)
        self._latched: dict[str, bytes] = {}
        self._recording: SessionRecorder | None = None
        self._missing: list[str] = []  # what nobody has published yet in this recording
        self._failure = ''  # why the last recording has ended early
        self._label_topic = ''
        self._book = LabelCounter()
        self._closing: list[SessionRecorder] = []  # stopped, but perhaps not all on the disk yet
        self._labels: Any = None
        self._shelf = SessionFolder(lambda: self._folder, self._on_repair)
        self.create_service(Trigger, '~/start_recording', self._start)
        self.create_service(Trigger, '~/stop_recording', self._stop)
        self.create_service(SetLabel, '~/set_label', self._set_label)
        self.create_service(ListSessions, '~/list_sessions', self._list)
        self._diagnostics = Diagnostics(self, 'recorder', self._collect)

    @property
    def _folder(self) -> Path:
        return Path(self.get_parameter('session_dir').value).expanduser()

    def discover(self, stop: threading.Event) -> None:
        """Find who publishes what is to be recorded: whom it does not know, it does not hear."""
        try:
            topics = [topic.name for topic in self._wanted() if topic.expected]
        except SessionError:
            return  # said when the node is configured
        if topics:
            self.set_status(f'Looking for who publishes {", ".join(topics)}.')
            find_publishers(self, topics, self.get_parameter('discovery_timeout').value, stop)
            self.status_message = ''

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Listen from now on, so that what is latched is known when a session begins."""
        wanted = self._wanted()
        label_topic = self.get_parameter('label_topic').value
        self._book.set_classes(self.get_parameter('class_names').value)
        self._labels = self.create_publisher(LabelMessage, label_topic, qos.LABEL)
        self._label_topic = self.resolve_topic_name(label_topic)
        for topic in wanted:
            self._inputs.listen(topic)
        self.status_message = f'Sessions go to {self._folder}.'
        self._shelf.look()

    def _wanted(self) -> list[WantedTopic]:
        names = ('emg_topics', 'label_topic', 'other_topics')
        return wanted_topics(*(self.get_parameter(name).value for name in names))

    def activate(self) -> None:
        """Begin a session."""
        name = self.get_parameter('session_name').value
        if '/' in name or name.startswith('.'):
            raise SessionError(f"session_name '{name}' is no name: expected one without a path.")
        self._shelf.look()
        self._book.set_classes(self.get_parameter('class_names').value)
        self._inputs.begin()
        recording = create_session(self._folder, name, self._begin)
        now_ns = self.get_clock().now().nanoseconds
        current: Label | None = None
        for topic, data in self._latched.items():
            recording.put(topic, data, now_ns)
            current = self._note_label(recording, topic, data) or current
        self._book.begin_session(current)
        self._recording = recording
        self._failure = ''
        self._missing = self._inputs.missing
        self.status_message = self._message(recording.path)

    def _message(self, path: Path, sentence: str = '') -> str:
        """Return what to say of a recording that goes on; last of all, where it goes."""
        missing = f'Nobody publishes {", ".join(self._missing)} yet.' if self._missing else ''
        return ' '.join(filter(None, [missing, sentence, f'Recording {path}.']))

    def _begin(self, path: Path) -> SessionRecorder:
        return SessionRecorder(
            path,
            self._info(),
            list(self._inputs.topics.values()),
            queue_bytes=self.get_parameter('queue_mib').value * 2**20,
            flush_interval_s=self.get_parameter('flush_interval').value,
            sync_interval_s=self.get_parameter('sync_interval').value,
            on_error=lambda sentence: self._on_disk_error(path, sentence),
            on_disk_warning=lambda sentence: self._on_pressure(path, sentence),
        )

    def deactivate(self) -> None:
        """End the session and close it."""
        recording, self._recording = self._recording, None
        if recording is not None:
            report = recording.stop(CLOSE_WITHIN_S if self.shutting_down is False else None)
            self.status_message = ended(report)
            self._closing = [*self._closing[-3:], recording]

    def _on_disk_error(self, path: Path, sentence: str) -> None:
        """Deactivate, unless it is the session before that could not be brought to its end."""
        current = self._recording
        if current is None or current.path == path:
            self._failure = sentence
            self.request_deactivation(sentence)
        else:
            self.get_logger().error(sentence)

    def _on_pressure(self, path: Path, sentence: str) -> None:
        """Say that the disk is too slow or nearly full, while there is nothing lost yet."""
        logger = self.get_logger()
        logger.warning(sentence) if sentence else logger.info('The disk is well again.')
        if self._recording is not None and self._recording.path == path:
            self.set_status(self._message(path, sentence))

    def _on_repair(self, sentence: str, success: bool) -> None:
        """Say what a session that was cut has kept and what not."""
        self.get_logger().warning(sentence)
        if self.lifecycle_state == 'inactive' or not success:
            self.set_status(sentence)

    def cleanup(self) -> None:
        """Stop listening."""
        self.deactivate()
        if (
            self.shutting_down
        ):  # the process is about to end: what waits for the disk goes there first
            for recording in self._closing:
                recording.stop()
        self._inputs.close()
        self._latched.clear()
        if self._labels is not None:
            self.destroy_publisher(self._labels)
            self._labels = None

    def _info(self) -> SessionInfo:
        software = {'python': platform.python_version()}
        for package in ('myogestic-ros', 'mcap'):
            try:
                software[package] = version(package)
            except PackageNotFoundError:
                continue
        texts = {n: self.get_parameter(n).value for n in ('subject', 'protocol', 'device')}
        return SessionInfo(class_names=tuple(self._book.names), software=software, **texts)

    # -- messages, as they came ---------------------------------------------------------------

    def _on_frame(self, topic: str, data: bytes) -> None:
        if self._recording is not None:
            self._recording.put(topic, data, self.get_clock().now().nanoseconds)
            if topic in self._missing:
                self._missing.remove(topic)
                self.set_status(self._message(self._recording.path, self._recording.disk_warning))

    def _on_latched(self, topic: str, data: bytes) -> None:
        self._latched[topic] = data
        if self._recording is not None:
            self._recording.put(topic, data, self.get_clock().now().nanoseconds)
            self._note_label(self._recording, topic, data)

    def _note_label(self, recording: SessionRecorder, topic: str, data: bytes) -> Label | None:
        """Put the name of a class that nobody has announced into the session's info."""
        if topic != self._label_topic:
            return None
        try:
            label = label_from_ros(deserialize_message(data, LabelMessage))
        except Exception as error:  # not a Label, whatever its sender says; it stays as it came
            self.get_logger().warning(f'A label cannot be read: {error}', once=True)
            return None
        if 0 <= label.index < MOST_CLASSES:
            recording.add_class(label.index, label.name)
        return label

    # -- services -----------------------------------------------------------------------------

    def _start(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self.request_transition('activate', 'start recording')
        return response

    def _stop(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self.request_transition(
            'deactivate', 'stop recording'
        )
        return response

    def _set_label(
        self, request: SetLabel.Request, response: SetLabel.Response
    ) -> SetLabel.Response:
        try:
            label = self._label(request.name)
        except MyoGesticError as error:
            response.success, response.message = False, str(error)
            return response
        self._labels.publish(label_to_ros(label))
        response.success = True
        response.message = (
            f"'{label.name}', repetition {label.repetition + 1}." if label.name else 'No class.'
        )
        return response

    def _label(self, name: str) -> Label:
        if self._labels is None:
            raise SessionError(
                "Cannot set a label: the node is 'unconfigured', configure it first."
            )
        return self._book.label(name, self.get_clock().now().nanoseconds)

    def _list(self, _: Any, response: ListSessions.Response) -> ListSessions.Response:
        self._shelf.answer(response, self._recording.path if self._recording is not None else None)
        return response

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        recording = self._recording
        info = {'state': self.lifecycle_state, 'session_dir': str(self._folder)}
        if recording is None:
            level = DiagnosticStatus.ERROR if self._failure else DiagnosticStatus.OK
            return level, self._failure or self.status_message, info
        level, message, more = health(recording, self._inputs.silent)
        return level, message or self.status_message, info | more


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(RecorderNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
