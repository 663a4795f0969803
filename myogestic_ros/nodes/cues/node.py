"""The cues node: runs a protocol and has it recorded as one session."""

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

MAX_CUE_DELAY_S = 0.02
"""Delay of a cue from which /diagnostics warns."""


@dataclass
class _Run:
    """A running protocol and its result."""

    protocol: Protocol
    schedule: Schedule
    publisher: CuePublisher
    runner: ProtocolRunner
    session_name: str
    subject: str
    finished: bool = False
    message: str = ''


class CuesNode(ManagedNode):
    """Give the cues of a protocol at their times, and have them recorded.

    While ACTIVE the node runs a protocol. The action calls the same lifecycle transitions.

    Parameters
    ----------
    See `CUES` and ``config/cues.yaml``.

    Topics
    ------
    label : Label, published, latched
    ~/progress : CueProgress, published, latched
        At every step, and at 10 Hz.
    target : sensor_msgs/JointState, published
        Current target while a protocol of ramps runs.
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz

    Actions
    -------
    ~/run_protocol : RunProtocol
    """

    active_state = 'running'
    _server: ProtocolServer | None = None  # not created if a parameter is invalid

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('cues', **kwargs)
        self.declare_table(CUES)
        self._cue_publishers: CuePublishers | None = None
        self._recorder: RecorderClient | None = None
        self._run: _Run | None = None
        self._closing_run: _Run | None = None  # ended, but its recording is not closed yet
        self._closed: Future[None] | None = None  # done when the recording is closed
        self._goal = RunProtocol.Goal()
        self._server = ProtocolServer(
            self, self._rejection_reason, self._begin_goal, self._cancel_goal
        )
        self._diagnostics = Diagnostics(self, 'cues', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Create the publishers and the client of the recorder."""
        values = self.parameter_values(CUES)
        self._cue_publishers = CuePublishers(self, values['label_topic'], values['target_topic'])
        if values['recorder']:
            self._recorder = RecorderClient(self, values['recorder'], self._on_recording_lost)
        self.status_message = 'Ready to run a protocol.'

    def activate(self) -> None:
        """Run the protocol of the goal or of the parameter."""
        if self._closing_run is not None:
            raise StateError(
                'Cannot run a protocol: the previous session is still being closed; try again in a second.'
            )
        if self._recorder is not None:
            self._recorder.check()
        self._run = self._create_run(self._goal)
        self.status_message = self._run_message(self._run)
        if self._recorder is None:
            self._run.runner.start()
        else:
            parameters = self._recorder_parameters(self._run)
            self._recorder.start(parameters, self._on_recording_started)

    def deactivate(self) -> None:
        """Stop the protocol and the recording; the recorded data is kept."""
        run, self._run = self._run, None
        if run is None:
            return
        run.runner.stop()
        if not run.finished:
            run.publisher.end(cancelled=True)
        run.message = run.message or 'Stopped.'
        self.status_message = run.message
        self._closing_run, self._closed = run, Future(executor=self.executor)
        if self._recorder is None:
            self._on_recording_stopped(True, '')
        else:
            self._recorder.stop(self._on_recording_stopped)

    def cleanup(self) -> None:
        """Destroy the publishers and the client of the recorder."""
        self.deactivate()
        if self._closing_run is not None:  # the recorder's response will not arrive
            self._on_recording_stopped(True, '')
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
        if self._cue_publishers is not None:
            self._cue_publishers.close()
            self._cue_publishers = None

    def finish(self) -> Future[None] | None:
        """Stop the recording while the recorder's response can still arrive."""
        if self.lifecycle_state == 'active':
            if self._run is not None:
                self._run.message = 'Interrupted.'
            self.trigger_deactivate()
        return self._closed if self._closing_run is not None else None

    def destroy_node(self) -> None:
        """Destroy the node and its action server, which rclpy does not destroy."""
        if self._server is not None:
            self._server.destroy()
        super().destroy_node()

    # -- a run --------------------------------------------------------------------------------

    def _create_run(self, goal: RunProtocol.Goal) -> _Run:
        """Read the protocol and compute its schedule."""
        values = self.parameter_values(CUES)
        protocol = read_protocol(find_protocol(goal.protocol or values['protocol']))
        schedule = Schedule.from_protocol(protocol)
        assert self._cue_publishers is not None
        assert self._server is not None
        publisher = CuePublisher(
            self,
            self._cue_publishers,
            protocol.name,
            schedule,
            on_progress=self._server.publish_progress,
            on_finished=self._on_finished,
            on_error=self._on_run_error,
        )
        sim_time = self.get_parameter('use_sim_time').value
        runner = ProtocolRunner(
            schedule,
            publisher,
            target_hz=values['target_hz'],
            clock=(lambda: int(self.get_clock().now().nanoseconds)) if sim_time else None,
        )
        session_name = goal.session_name or values['session_name']
        subject = goal.subject or values['subject']
        return _Run(protocol, schedule, publisher, runner, session_name, subject)

    @staticmethod
    def _recorder_parameters(run: _Run) -> dict[str, Any]:
        """Return the parameters to set at the recorder for a run."""
        parameters: dict[str, Any] = {
            'class_names': list(run.protocol.class_names),
            'protocol': run.protocol.name,
        }
        optional = {'session_name': run.session_name, 'subject': run.subject}
        return parameters | {name: text for name, text in optional.items() if text}

    def _on_recording_started(self, started: bool, message: str) -> None:
        if self._run is None:
            return
        if started:
            self.set_status(f'{self._run_message(self._run)} {message}')
            if self._run.session_name and self._recorder is not None:
                self._recorder.set_parameters({'session_name': ''})  # valid for this session only
            self._run.runner.start()
        else:
            self._end_run(f'The recording could not be started: {message}')

    def _on_recording_lost(self, reason: str) -> None:
        if self._run is not None:
            self._end_run(f'{self._completed_message(self._run)} {reason}')

    def _on_finished(self) -> None:
        run = self._run
        if run is not None:
            run.finished = True
            delay_ms, limit_ms = run.runner.max_delay_s * 1e3, MAX_CUE_DELAY_S * 1e3
            self._end_run(
                f"Protocol '{run.protocol.name}' finished. Largest cue delay: {delay_ms:.1f} ms "
                f'(limit {limit_ms:g} ms).',
                error=False,
            )

    def _on_run_error(self, error: Exception) -> None:
        self._end_run(f'The protocol failed: {error!r}')

    def _end_run(self, reason: str, *, error: bool = True) -> None:
        """Request to deactivate the node. Thread-safe."""
        if self._run is not None:
            self._run.message = reason
        self.request_deactivation(reason, error=error)

    def _on_recording_stopped(self, stopped: bool, message: str) -> None:
        """Report the result of the run after the session is closed."""
        run, self._closing_run = self._closing_run, None
        if run is None:
            return
        session = self._recorder.session if self._recorder is not None else ''
        if message:
            result = message if stopped else f'The recording could not be stopped: {message}'
            run.message = f'{run.message} {result}'
        if not self.shutting_down:
            self.set_status(run.message)
        assert self._server is not None
        assert self._closed is not None
        self._server.finish(
            RunProtocol.Result(
                success=run.finished and stopped,
                message=run.message,
                session=session,
                completed=run.publisher.completed,
                planned=run.schedule.n_repetitions,
            )
        )
        self._closed.set_result(None)

    @staticmethod
    def _run_message(run: _Run) -> str:
        minutes, seconds = divmod(round(run.schedule.duration_s), 60)
        return (
            f"Running '{run.protocol.name}': {run.schedule.n_repetitions} repetitions in "
            f'{minutes}:{seconds:02d} min.'
        )

    @staticmethod
    def _completed_message(run: _Run) -> str:
        return f'{run.publisher.completed} of {run.schedule.n_repetitions} repetitions were completed.'

    # -- the action ---------------------------------------------------------------------------

    def _rejection_reason(self) -> str:
        if self.lifecycle_state == 'inactive' and self._closing_run is None:
            return ''
        state = (
            'still closing the previous session'
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
        if not begun and self._server is not None:
            self._server.finish(RunProtocol.Result(message=message))

    def _cancel_goal(self) -> None:
        if self._run is not None:
            self._end_run(f'Cancelled: {self._completed_message(self._run)}', error=False)

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        info = {'state': self.lifecycle_state}
        run = self._run
        if run is not None:
            info |= {
                'protocol': run.protocol.name,
                'step': f'{run.runner.step_index + 1} of {len(run.schedule.steps)}',
                'completed': f'{run.publisher.completed} of {run.schedule.n_repetitions}',
                'largest cue delay [ms]': f'{run.runner.max_delay_s * 1e3:.1f}',
            }
            if run.runner.max_delay_s > MAX_CUE_DELAY_S:
                return (
                    DiagnosticStatus.WARN,
                    f'Cues are up to {run.runner.max_delay_s * 1e3:.1f} ms late (limit '
                    f'{MAX_CUE_DELAY_S * 1e3:g} ms): reduce the load of the computer.',
                    info,
                )
        return DiagnosticStatus.OK, self.status_message, info


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    gc.freeze()  # garbage collection of the imported modules would delay a cue
    return run(CuesNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
