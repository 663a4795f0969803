"""How to be a managed node: the one place that knows."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.lifecycle.node import LifecycleState
from rclpy.parameter import Parameter as RosParameter

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.msg import NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.parameter_declaration import (
    declare,
    faults,
    fitted,
    full_names,
    values,
)

__all__ = ['MANAGED', 'ManagedNode']

MANAGED = (
    Parameter(
        'autostart',
        '',
        "Transitions to take by itself at the start: none (''), configure, or configure and "
        'activate.',
        choices=('', 'configure', 'activate'),
        read_only=True,
    ),
)
"""Parameters that every node has."""

PHASE_BEFORE = {'configure': 'unconfigured', 'activate': 'inactive', 'deactivate': 'active'}


class ManagedNode(LifecycleNode):
    """A lifecycle node whose transitions are plain methods that may raise.

    A subclass overrides `configure`, `activate`, `deactivate` and `cleanup`. Raising a
    `MyoGesticError` refuses a transition: the node stays what it was, and the message is on
    ``~/status``. Any other exception is reported with its traceback; what the transition had
    begun is undone.

    Attributes
    ----------
    verb : str
        What the node does while it is active, as in ``~/status``: ``'streaming'``.
    phase : str
        ``'unconfigured'``, ``'inactive'``, ``'active'`` or ``'finalized'``; during a transition
        what it was before.
    status_message : str
        What happened last, in a sentence.
    """

    verb = 'active'

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.phase = 'unconfigured'
        self.status_message = ''
        self._rows: dict[str, Parameter] = {}
        self._reasons: deque[tuple[str, bool, int]] = deque()
        self._activations = 0
        self._status_lock = threading.Lock()
        self._status: Any = None
        self.closing = False  # whether the process is about to end
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self.declare_table(MANAGED)

    # -- for subclasses to override -----------------------------------------------------------

    def configure(self) -> None:
        """Get ready."""

    def look_around(self, stop: threading.Event) -> None:
        """Wait for others, as a process that has just started, before anything is asked of it.

        Not any longer than until ``stop`` is set.
        """

    def activate(self) -> None:
        """Begin the node's verb."""

    def deactivate(self) -> None:
        """End the node's verb."""

    def cleanup(self) -> None:
        """Undo `configure`; also what a failed `configure` has begun."""

    def wind_up(self) -> Any:
        """End what needs others to end, before the process does.

        Returns a future that is done when they have answered, or None; callbacks run meanwhile,
        as they do not any more in `deactivate` and `cleanup`.
        """
        return None

    def parameters_changed(self, names: set[str]) -> None:
        """Apply parameters that were set while the node runs; they have been checked."""

    def publish_status(self) -> None:
        """Publish NodeStatus on ``~/status``."""
        with self._status_lock:
            if self._status is None:
                self._status = self.create_publisher(NodeStatus, '~/status', qos.STATUS)
            state = {'inactive': 'idle', 'active': self.verb}.get(self.phase, self.phase)
            message = NodeStatus(state=state, message=self.status_message)
            message.header.stamp = self.get_clock().now().to_msg()
            self._status.publish(message)

    # -- parameters ---------------------------------------------------------------------------

    def declare_table(self, table: Iterable[Parameter], prefix: str = '') -> None:
        """Declare every row of a table as ``<prefix><name>``; values are checked against it."""
        table = tuple(table)
        self._rows.update(full_names(table, prefix))
        declare(self, table, prefix)

    def values(self, table: Iterable[Parameter], prefix: str = '') -> dict[str, Any]:
        """Return plain name → value of every row of a table."""
        return values(self, table, prefix)

    def set_parameters_atomically(self, parameter_list: list[RosParameter]) -> SetParametersResult:
        """Set parameters; a refusal names every fault, where rclpy would name the first."""
        fitting = [fitted(p, self._rows.get(p.name)) for p in parameter_list]
        result = self._check_parameters(fitting)
        return super().set_parameters_atomically(fitting) if result.successful else result

    def _check_parameters(self, parameters: list[RosParameter]) -> SetParametersResult:
        found = faults(parameters, self._rows)
        return SetParametersResult(successful=not found, reason='; '.join(found))

    def _apply_parameters(self, parameters: list[RosParameter]) -> None:
        names = {parameter.name for parameter in parameters} & self._rows.keys()
        if names and self.phase != 'unconfigured':
            self.parameters_changed(names)

    # -- status -------------------------------------------------------------------------------

    def say(self, message: str) -> None:
        """Set the status message, and publish the status."""
        self.status_message = message
        self.publish_status()

    def autostart(self) -> None:
        """Take the transitions that the ``autostart`` parameter asks for."""
        self.publish_status()
        wanted = self.get_parameter('autostart').value
        if wanted and self.door('configure')[0] and wanted == 'activate':
            self.door('activate')

    # -- transitions --------------------------------------------------------------------------

    def door(self, transition: str) -> tuple[bool, str]:
        """Take a transition from inside the node, as a lifecycle service would.

        Parameters
        ----------
        transition : str
            ``'configure'``, ``'activate'`` or ``'deactivate'``.

        Returns
        -------
        tuple of bool and str
            Whether it was taken, and the status message: the reason when it was refused.
        """
        expected = PHASE_BEFORE[transition]
        if self.phase != expected:
            hint = '; configure it first' if self.phase == 'unconfigured' else ''
            return False, (
                f"Cannot {transition} {self.get_name()}: the node is '{self.phase}', expected "
                f"'{expected}'{hint}."
            )
        trigger: Callable[[], TransitionCallbackReturn] = getattr(self, f'trigger_{transition}')
        success = trigger() == TransitionCallbackReturn.SUCCESS
        return success, self.status_message

    def give_up(self, reason: str, *, error: bool = True) -> None:
        """Deactivate, from any thread, because of ``reason``, an error or not."""
        self._reasons.append((reason, error, self._activations))
        if self.executor is not None and not self.closing:
            self.executor.create_task(self._on_gave_up)

    def _on_gave_up(self) -> None:
        while self._reasons:
            reason, error, activation = self._reasons.popleft()
            logger = self.get_logger()
            logger.error(reason) if error else logger.info(reason)
            if activation != self._activations:
                continue  # it has been deactivated and activated again meanwhile
            if self.phase == 'active':
                self.trigger_deactivate()
            self.say(reason)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._take('configure', self.configure, 'inactive', self.cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._activations += 1
        return self._take('activate', self.activate, 'active', self.deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._take('deactivate', self.deactivate, 'inactive', None)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._take('clean up', self.cleanup, 'unconfigured', None)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._take('shut down', self._end, 'finalized', None)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to the beginning, so that the node can be configured again."""
        with contextlib.suppress(Exception):
            self.cleanup()
        self.phase = 'unconfigured'
        self.publish_status()
        return TransitionCallbackReturn.SUCCESS

    def _end(self) -> None:
        self.closing = True
        if self.phase == 'active':
            self.deactivate()
        if self.phase != 'unconfigured':
            self.cleanup()

    def _take(
        self,
        name: str,
        action: Callable[[], None],
        phase: str,
        undo: Callable[[], None] | None,
    ) -> TransitionCallbackReturn:
        """Do what a transition asks for; older rclpy would swallow an exception silently."""
        try:
            action()
        except Exception as error:
            refused = isinstance(error, MyoGesticError)
            if not refused:
                self.get_logger().error(f'Failed to {name}:\n{traceback.format_exc()}')
            if undo is not None and not (refused and name == 'activate'):
                with contextlib.suppress(Exception):
                    undo()
            self.say(str(error) if refused else f'Failed to {name}: {error!r}')
            if refused:
                self.get_logger().warning(self.status_message)
            # A node that failed to begin is what it was; one that failed to end is in error.
            return (
                TransitionCallbackReturn.ERROR
                if undo is None
                else TransitionCallbackReturn.FAILURE
            )
        self.phase = phase
        self.publish_status()
        return TransitionCallbackReturn.SUCCESS
