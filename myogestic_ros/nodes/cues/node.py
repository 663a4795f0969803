"""The cues node: a guided protocol, recorded as one session."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.task import Future

from myogestic_ros.action import RunProtocol
from myogestic_ros.core.errors import StateError
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.nodes.cues.action_server import ProtocolServer
from myogestic_ros.nodes.cues.cue_publisher import CuePublisher, CuePublishers
from myogestic_ros.nodes.cues.parameters import CUES
from myogestic_ros.nodes.cues.protocol_lookup import find_protocol
from myogestic_ros.nodes.cues.recorder_client import RecorderClient
from myogestic_ros.protocols.protocol import Protocol
from myogestic_ros.protocols.protocol_file import read_protocol
from myogestic_ros.protocols.runner import ProtocolRunner
from myogestic_ros.protocols.schedule import Schedule

__all__ = ['CUES', 'CuesNode', 'main']


@dataclass
class _Run:
    """A protocol on its way, and how it ended."""

    protocol: Protocol
    plan: Schedule
    stage: CuePublisher
    conductor: ProtocolRunner
    session_name: str
    subject: str
    done: bool = False
    reason: str = ''


class CuesNode(ManagedNode):
    """Give the cues of a protocol, each at its time, and have them recorded.

    ACTIVE means running a protocol; the lifecycle and the action are two doors to the same.

    Parameters
    ----------
    See `CUES` and ``config/cues.yaml``.

    Topics
    ------
    label : Label, published, latched
    ~/progress : CueProgress, published, latched
        At every step, and ten times a second.
    target : sensor_msgs/JointState, published
        What to follow now, while a protocol of ramps runs.
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz

    Actions
    -------
    ~/run_protocol : RunProtocol
    """

    active_state = 'running'
    _server: Any = None  # a wrong parameter ends the node before it is made

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('cues', **kwargs)
        self.declare_table(CUES)
        self._topics: CuePublishers | None = None
        self._recorder: RecorderClient | None = None
        self._run: _Run | None = None
        self._ending: _Run | None = None  # it has ended, but its recording is not closed yet
        self._closed: Any = None
        self._goal = RunProtocol.Goal()
        self._server = ProtocolServer(self, self._refusal, self._begin_goal, self._cancel_goal)
        self._diagnostics = Diagnostics(self, 'cues', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Find the recorder."""
        value = {row.name: self.get_parameter(row.name).value for row in CUES}
        self._topics = CuePublishers(self, value['label_topic'], value['target_topic'])
        if value['recorder']:
            self._recorder = RecorderClient(self, value['recorder'], self._on_recorder_lost)
        self.status_message = 'Ready to run a protocol.'

    def activate(self) -> None:
        """Begin the protocol that the goal asks for, or the parameter."""
        if self._ending is not None:
            raise StateError('The session before is still being closed; try again in a second.')
        if self._recorder is not None:
            self._recorder.check()
        self._run = self._prepared(self._goal)
        self.status_message = self._told(self._run)
        if self._recorder is None:
            self._run.conductor.start()
        else:
            wanted = self._for_the_recorder(self._run)
            self._recorder.start(wanted, self._on_recording_started)

    def deactivate(self) -> None:
        """End the protocol; what was recorded is kept."""
        run, self._run = self._run, None
        if run is None:
            return
        run.conductor.stop()
        if not run.done:
            run.stage.end(cancelled=True)
        run.reason = run.reason or 'Stopped.'
        self.status_message = run.reason
        self._ending, self._closed = run, Future(executor=self.executor)
        if self._recorder is None:
            self._on_recording_stopped(True, '')
        else:
            self._recorder.stop(self._on_recording_stopped)

    def cleanup(self) -> None:
        """Leave the graph."""
        self.deactivate()
        if self._ending is not None:  # nobody will hear the recorder's answer
            self._on_recording_stopped(True, '')
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
        if self._topics is not None:
            self._topics.close()
            self._topics = None

    def finish(self) -> Any:
        """Stop the recording while the recorder's answer can still be heard."""
        if self.lifecycle_state == 'active':
            if self._run is not None:
                self._run.reason = 'Interrupted.'
            self.trigger_deactivate()
        return self._closed if self._ending is not None else None

    def destroy_node(self) -> None:
        """Take the action along; rclpy leaves it."""
        if self._server is not None:
            self._server.destroy()
        super().destroy_node()

    # -- a run, from its beginning to its end -------------------------------------------------

    def _prepared(self, goal: RunProtocol.Goal) -> _Run:
        """Read the protocol and lay it out."""
        value = {row.name: self.get_parameter(row.name).value for row in CUES}
        protocol = read_protocol(find_protocol(goal.protocol or value['protocol']))
        plan = Schedule.from_protocol(protocol)
        assert self._topics is not None
        stage = CuePublisher(
            self,
            self._topics,
            protocol.name,
            plan,
            on_progress=self._server.tell,
            on_done=self._on_done,
            on_failed=self._on_failed,
        )
        sim_time = self.get_parameter('use_sim_time').value
        conductor = ProtocolRunner(
            plan,
            stage,
            target_hz=value['target_hz'],
            clock=(lambda: int(self.get_clock().now().nanoseconds)) if sim_time else None,
        )
        session_name = goal.session_name or value['session_name']
        subject = goal.subject or value['subject']
        return _Run(protocol, plan, stage, conductor, session_name, subject)

    @staticmethod
    def _for_the_recorder(run: _Run) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            'class_names': list(run.protocol.class_names),
            'protocol': run.protocol.name,
        }
        named = {'session_name': run.session_name, 'subject': run.subject}
        return wanted | {name: text for name, text in named.items() if text}

    def _on_recording_started(self, started: bool, message: str) -> None:
        if self._run is None:
            return
        if started:
            self.set_status(f'{self._told(self._run)} {message}')
            if self._run.session_name and self._recorder is not None:
                self._recorder.set({'session_name': ''})  # it was for this one
            self._run.conductor.start()
        else:
            self._end_run(f'The recording could not be started: {message}')

    def _on_recorder_lost(self, reason: str) -> None:
        if self._run is not None:
            self._end_run(f'{self._so_far(self._run)} {reason}')

    def _on_done(self) -> None:
        run = self._run
        if run is not None:
            run.done = True
            late = f', the latest cue by {run.conductor.max_delay_s * 1e3:.1f} ms'
            self._end_run(f"'{run.protocol.name}' is done{late}.", error=False)

    def _on_failed(self, error: Exception) -> None:
        self._end_run(f'The cues failed: {error!r}')

    def _end_run(self, reason: str, *, error: bool = True) -> None:
        """Deactivate, from any thread."""
        if self._run is not None:
            self._run.reason = reason
        self.request_deactivation(reason, error=error)

    def _on_recording_stopped(self, stopped: bool, message: str) -> None:
        """Say how it ended, once the session is closed."""
        run, self._ending = self._ending, None
        if run is None:
            return
        recorded = self._recorder.session if self._recorder is not None else ''
        if message:
            told = message if stopped else f'The recording was not stopped: {message}'
            run.reason = f'{run.reason} {told}'
        if not self.shutting_down:
            self.set_status(run.reason)
        self._server.finish(
            RunProtocol.Result(
                success=run.done and stopped,
                message=run.reason,
                session=recorded,
                completed=run.stage.completed,
                planned=run.plan.n_repetitions,
            )
        )
        self._closed.set_result(None)

    @staticmethod
    def _told(run: _Run) -> str:
        minutes, seconds = divmod(round(run.plan.duration_s), 60)
        return (
            f"Running '{run.protocol.name}': {run.plan.n_repetitions} repetitions in "
            f'{minutes}:{seconds:02d} min.'
        )

    @staticmethod
    def _so_far(run: _Run) -> str:
        return f'{run.stage.completed} of {run.plan.n_repetitions} repetitions were completed.'

    # -- the action ---------------------------------------------------------------------------

    def _refusal(self) -> str:
        if self.lifecycle_state == 'inactive' and self._ending is None:
            return ''
        state = (
            'closing a session'
            if self.lifecycle_state == 'inactive'
            else f"'{self.lifecycle_state}'"
        )
        return f"Cannot run a protocol: the node is {state}, expected 'inactive'."

    def _begin_goal(self, goal: RunProtocol.Goal) -> None:
        self._goal = goal
        try:
            begun, message = self.request_transition('activate')
        finally:
            self._goal = RunProtocol.Goal()
        if not begun:
            self._server.finish(RunProtocol.Result(message=message))

    def _cancel_goal(self) -> None:
        if self._run is not None:
            self._end_run(f'Cancelled: {self._so_far(self._run)}', error=False)

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        facts = {'state': self.lifecycle_state}
        run = self._run
        if run is not None:
            facts |= {
                'protocol': run.protocol.name,
                'step': f'{run.conductor.step_index + 1} of {len(run.plan.steps)}',
                'completed': f'{run.stage.completed} of {run.plan.n_repetitions}',
                'latest cue [ms]': f'{run.conductor.max_delay_s * 1e3:.1f}',
            }
            if run.conductor.max_delay_s > LATE_S:
                return DiagnosticStatus.WARN, 'cues are late: the machine is too busy', facts
        return DiagnosticStatus.OK, self.status_message, facts


LATE_S = 0.02
"""A cue that is later than this is worth a warning."""


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    gc.freeze()  # what was imported stays; looking through it for garbage would delay a cue
    return run(CuesNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
