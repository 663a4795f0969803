"""Base class of all nodes: lifecycle transitions, parameters, status."""

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
from rclpy.publisher import Publisher
from rclpy.task import Future

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.untrusted import printable, shown
from myogestic_ros.msg import NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.guarded_service import guarded
from myogestic_ros.nodes.common.parameter_declaration import (
    coerce_type,
    declare_parameters,
    read_parameters,
    rows_by_full_name,
    validation_errors,
)
from myogestic_ros.nodes.common.printable_logger import PrintableLogger

__all__ = ['MANAGED', 'ManagedNode']

MANAGED = (
    Parameter(
        'autostart',
        '',
        "Lifecycle transitions at start-up: '': none; configure; activate: configure and activate.",
        choices=('', 'configure', 'activate'),
        read_only=True,
    ),
)
"""Parameters of every node."""

REQUIRED_STATE = {'configure': 'unconfigured', 'activate': 'inactive', 'deactivate': 'active'}
"""Lifecycle state in which each transition is possible."""


class ManagedNode(LifecycleNode):
    """A lifecycle node whose transitions are plain methods that may raise.

    A subclass overrides `configure`, `activate`, `deactivate` and `cleanup`. A `MyoGesticError`
    raised by one of them refuses the transition: the node keeps its state and publishes the
    message on ``~/status``. Any other exception is logged with its traceback, and the node
    undoes what the transition had begun.

    Parameters
    ----------
    name : str
        Name of the node.
    **kwargs
        Arguments of `rclpy.node.Node`.

    ROS parameters
    --------------
    See `MANAGED`; a subclass adds its own with `declare_table`.

    Publishers
    ----------
    ~/status : NodeStatus, latched

    Attributes
    ----------
    active_state : str
        State that ``~/status`` reports while the node is active: ``'streaming'``.
    lifecycle_state : str
        ``'unconfigured'``, ``'inactive'``, ``'active'`` or ``'finalized'``; during a transition
        the state before it.
    status_message : str
        The last event or the reason for the current state, as a sentence.
    shutting_down : bool
        True once the process has begun to shut down.
    """

    active_state = 'active'
    _printable_logger: PrintableLogger | None = None

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.lifecycle_state = 'unconfigured'
        self.status_message = ''
        self.shutting_down = False
        self._rows: dict[str, Parameter] = {}
        self._deactivation_requests: deque[tuple[str, bool, int]] = deque()
        self._activations = 0
        self._action = ''  # the operation that the running transition was requested for
        self._status_lock = threading.Lock()
        self._status_publisher: Publisher | None = None
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self.declare_table(MANAGED)

    # -- for subclasses to override -----------------------------------------------------------

    def configure(self) -> None:
        """Prepare the node to be activated."""

    def discover(self, stop: threading.Event) -> None:
        """Wait for other nodes, once, before the node is spun.

        Parameters
        ----------
        stop : threading.Event
            Set when the process is interrupted; return then.
        """

    def activate(self) -> None:
        """Start the node's work."""

    def deactivate(self) -> None:
        """Stop the node's work."""

    def cleanup(self) -> None:
        """Undo `configure`, also one that failed half-way."""

    def finish(self) -> Future[None] | None:
        """Finish work that depends on other nodes, before the process ends.

        Returns
        -------
        Future or None
            Done when the other nodes have answered. Until then the node is spun; during
            `deactivate` and `cleanup` it is not.
        """
        return None

    def apply_parameters(self, names: set[str]) -> None:
        """Apply parameters, already checked, that were set while the node is configured."""

    def locked_reason(self, name: str) -> str | None:
        """Return why the parameter ``name`` must not be set in the current state, or None."""
        return None

    def value_error(self, name: str, value: Any) -> str | None:
        """Return why a value of the right type and range cannot be used, or None.

        Called when a parameter is set while the node runs: for errors that depend on files,
        installed packages or the state of the node.
        """
        return None

    def publish_status(self) -> None:
        """Publish NodeStatus on ``~/status``."""
        with self._status_lock:
            if self._status_publisher is None:
                self._status_publisher = self.create_publisher(NodeStatus, '~/status', qos.STATUS)
            names = {'inactive': 'idle', 'active': self.active_state}
            message = NodeStatus(
                state=names.get(self.lifecycle_state, self.lifecycle_state),
                message=printable(self.status_message, multiline=True),
            )
            message.header.stamp = self.get_clock().now().to_msg()
            self._status_publisher.publish(message)

    def get_logger(self) -> PrintableLogger:
        """Return the logger of the node; rclpy asks for it while it constructs the node."""
        if self._printable_logger is None:
            self._printable_logger = PrintableLogger(super().get_logger().name)
        return self._printable_logger

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], **kwargs: Any
    ) -> Any:
        """Create a service that answers every request; see `guarded`."""
        name = srv_name.removeprefix('~/')
        answer = guarded(name, srv_type, callback, lambda text: self.get_logger().error(text))
        return super().create_service(srv_type, srv_name, answer, **kwargs)

    # -- parameters ---------------------------------------------------------------------------

    def declare_table(self, table: Iterable[Parameter], prefix: str = '') -> None:
        """Declare every row of a table as ``<prefix><name>``; set values are checked against it.

        Raises
        ------
        MyoGesticError
            When values that the node was started with are invalid; names all of them.
        """
        table = tuple(table)
        self._rows.update(rows_by_full_name(table, prefix))
        declare_parameters(self, table, prefix)

    def parameter_values(self, table: Iterable[Parameter], prefix: str = '') -> dict[str, Any]:
        """Return the value of every row of a table, by its name without the prefix."""
        return read_parameters(self, table, prefix)

    def set_parameters_atomically(self, parameter_list: list[RosParameter]) -> SetParametersResult:
        """Set parameters; a refusal lists every invalid value (rclpy lists only the first)."""
        coerced = [coerce_type(p, self._rows.get(p.name)) for p in parameter_list]
        result = self._check_parameters(coerced)
        if result.successful:
            result = super().set_parameters_atomically(coerced)
        if result.successful:
            result.reason = self._later_use([parameter.name for parameter in coerced])
        return result

    def _later_use(self, names: list[str]) -> str:
        """Return which of the parameters just set are not used yet, and when they will be."""
        states = {'configure': ('inactive', 'active'), 'activation': ('active',)}
        uses = {name: self._rows[name].used_at for name in names if name in self._rows}
        sentences = []
        for event, waiting in states.items():
            late = [name for name, use in uses.items() if use == event]
            if late and self.lifecycle_state in waiting:
                which = f'{", ".join(late)}: ' if len(names) > 1 else ''
                sentences.append(f'{which}used at the next {event}')
        return '; '.join(sentences)

    def _check_parameters(self, parameters: list[RosParameter]) -> SetParametersResult:
        errors = validation_errors(parameters, self._rows)
        for parameter in parameters if not errors else ():
            name = parameter.name
            if name in self._rows and self.has_parameter(name):  # not while it is declared
                error = self.value_error(name, parameter.value)
                if error is not None:
                    errors.append(f'{name}: got {shown(parameter.value)}, {error}')
        for name in [parameter.name for parameter in parameters if parameter.name in self._rows]:
            reason = self.locked_reason(name)
            if reason is not None:
                errors.append(f'Cannot set {name}: {reason}')
        return SetParametersResult(successful=not errors, reason='; '.join(errors))

    def _apply_parameters(self, parameters: list[RosParameter]) -> None:
        names = {parameter.name for parameter in parameters} & self._rows.keys()
        if names and self.lifecycle_state != 'unconfigured':
            self.apply_parameters(names)

    # -- status -------------------------------------------------------------------------------

    def set_status(self, message: str) -> None:
        """Set the status message and publish the status."""
        self.status_message = message
        self.publish_status()

    # -- transitions --------------------------------------------------------------------------

    def autostart(self) -> None:
        """Take the transitions that the parameter ``autostart`` names."""
        self.publish_status()
        last = self.get_parameter('autostart').value
        if last and self.request_transition('configure')[0] and last == 'activate':
            self.request_transition('activate')

    def request_transition(self, transition: str, action: str = '') -> tuple[bool, str]:
        """Take a lifecycle transition from inside the node, as for a service.

        Parameters
        ----------
        transition : str
            ``'configure'``, ``'activate'`` or ``'deactivate'``.
        action : str
            The operation that the caller asked for, to name in a refusal: ``'start recording'``.
            By default the transition and the node's name.

        Returns
        -------
        success : bool
            True if the transition was taken.
        message : str
            The status message, or the reason for the refusal.
        """
        if self.lifecycle_state != REQUIRED_STATE[transition]:
            return False, self._wrong_state(transition, action)
        trigger: Callable[[], TransitionCallbackReturn] = getattr(self, f'trigger_{transition}')
        self._action = action
        try:
            success = trigger() == TransitionCallbackReturn.SUCCESS
        finally:
            self._action = ''
        return success, self.status_message

    def _wrong_state(self, transition: str, action: str) -> str:
        """Return the reason why a transition is impossible in the current state."""
        if action and transition == 'deactivate':
            return f'Cannot {action}: not {self.active_state}.'
        if action and self.lifecycle_state == 'active':
            return f'Cannot {action}: already {self.active_state}.'
        unconfigured = transition == 'activate' and self.lifecycle_state == 'unconfigured'
        return (
            f'Cannot {action or f"{transition} {self.get_name()}"}: the node is '
            f"'{self.lifecycle_state}', expected '{REQUIRED_STATE[transition]}'"
            f'{"; configure it first" if unconfigured else ""}.'
        )

    def request_deactivation(self, reason: str, *, error: bool = True) -> None:
        """Deactivate the node soon, in the executor's thread. May be called from any thread.

        Parameters
        ----------
        reason : str
            Status message after the deactivation.
        error : bool
            Log the reason as an error; otherwise as information.
        """
        self._deactivation_requests.append((reason, error, self._activations))
        if self.executor is not None and not self.shutting_down:
            self.executor.create_task(self._deactivate_as_requested)

    def _deactivate_as_requested(self) -> None:
        while self._deactivation_requests:
            reason, error, activation = self._deactivation_requests.popleft()
            logger = self.get_logger()
            logger.error(reason) if error else logger.info(reason)
            if activation != self._activations:
                continue  # the node was deactivated and activated again after the request
            if self.lifecycle_state == 'active':
                self.trigger_deactivate()
            self.set_status(reason)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run_transition('configure', self.configure, 'inactive', self.cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._activations += 1
        return self._run_transition('activate', self.activate, 'active', self.deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run_transition('deactivate', self.deactivate, 'inactive', None)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run_transition('clean up', self.cleanup, 'unconfigured', None)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run_transition('shut down', self._shut_down, 'finalized', None)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to 'unconfigured', so that the node can be configured again."""
        with contextlib.suppress(Exception):
            self.cleanup()
        self.lifecycle_state = 'unconfigured'
        self.publish_status()
        return TransitionCallbackReturn.SUCCESS

    def _shut_down(self) -> None:
        self.shutting_down = True
        if self.lifecycle_state == 'active':
            self.deactivate()
        if self.lifecycle_state != 'unconfigured':
            self.cleanup()

    def _run_transition(
        self,
        name: str,
        callback: Callable[[], None],
        next_state: str,
        undo: Callable[[], None] | None,
    ) -> TransitionCallbackReturn:
        """Call a transition's method and report its exceptions, which older rclpy discards."""
        try:
            callback()
        except Exception as error:
            action = self._action or name
            refused = isinstance(error, MyoGesticError)
            if not refused:
                self.get_logger().error(f'Failed to {action}:\n{traceback.format_exc()}')
            if undo is not None and not (refused and name == 'activate'):
                with contextlib.suppress(Exception):
                    undo()
            self.set_status(str(error) if refused else f'Failed to {action}: {error!r}')
            if refused:
                self.get_logger().warning(self.status_message)
            # A node that failed to start keeps its state; one that failed to stop is in error.
            return (
                TransitionCallbackReturn.ERROR
                if undo is None
                else TransitionCallbackReturn.FAILURE
            )
        self.lifecycle_state = next_state
        self.publish_status()
        return TransitionCallbackReturn.SUCCESS
