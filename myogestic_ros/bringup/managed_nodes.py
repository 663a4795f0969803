"""Bring up lifecycle nodes in order from a launch file, and report why a node fails.

`managed_node` and `bring_up` may be used in other launch files, see docs/how-to/launch.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import Event, EventHandler, LaunchContext
from launch.actions import EmitEvent, LogInfo, OpaqueFunction, RegisterEventHandler, TimerAction
from launch.event_handlers import OnProcessExit, OnProcessStart
from launch.events import matches_action
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.ros_adapters import get_ros_node
from lifecycle_msgs.msg import Transition

from myogestic_ros.core.untrusted import printable
from myogestic_ros.msg import BridgeStatus, NodeStatus, PipelineStatus
from myogestic_ros.nodes.common import qos

__all__ = ['LaunchedNode', 'bring_up', 'managed_node']

STATUS_TYPES = {'pipeline': PipelineStatus, 'bridge': BridgeStatus}
"""Message types of ~/status; NodeStatus for the other nodes."""
REASON_DELAY_S = 0.5
"""Time after a refused transition in which the status message with the reason arrives."""
SHUTDOWN_TIMEOUT_S = 15
"""Time to end after Ctrl-C: the bridge moves the hand to rest, the recorder closes its session."""
RESPAWN_DELAY_S = 2.0


@dataclass
class LaunchedNode:
    """A lifecycle node to bring up.

    Attributes
    ----------
    name : str
        Name of the node and of its executable.
    active : bool
        True to configure and activate the node; False to configure it.
    action : LifecycleNode
        Action that starts the node.
    message, state : str
        Last message and state on its ``~/status``.
    has_status : bool
        True after the first status of the current process.
    requested : bool
        True after the first transition was requested.
    reached : bool
        True after the last transition.
    up : bool
        True after the last transition, and once an active driver no longer waits for its device.
    subscription : Subscription
        Subscription to ``~/status``.
    """

    name: str
    active: bool
    action: Any
    message: str = ''
    state: str = field(default='', init=False)
    has_status: bool = field(default=False, init=False)
    requested: bool = field(default=False, init=False)
    reached: bool = field(default=False, init=False)
    up: bool = field(default=False, init=False)
    subscription: Any = field(default=None, init=False)

    def reset(self) -> None:
        """Reset the state for a new process of the node."""
        self.has_status = self.requested = self.reached = self.up = False
        self.state = ''


class _FirstStatus(Event):  # type: ignore[misc]
    """The first status of a managed node was received."""

    name = 'myogestic_ros.FirstStatus'

    def __init__(self, node: LaunchedNode) -> None:
        self.node = node


class _NewState(Event):  # type: ignore[misc]
    """The state in the status of a managed node has changed."""

    name = 'myogestic_ros.NewState'

    def __init__(self, node: LaunchedNode) -> None:
        self.node = node


def managed_node(
    context: LaunchContext,
    name: str,
    parameters: Mapping[str, Any],
    *,
    active: bool = False,
    respawn: bool = False,
) -> LaunchedNode:
    """Return a node of this package for `bring_up`.

    Parameters
    ----------
    context : LaunchContext
        Provides the arguments ``namespace``, ``params_file``, ``use_sim_time``, ``log_level`` and
        ``respawn``.
    name : str
        ``'driver'``, ``'recorder'``, ``'pipeline'``, ``'cues'``, ``'bridge'`` or ``'hand'``.
    parameters : mapping
        Values that override the parameter files; ``''`` is ignored. The ``source`` of a driver
        adds the file of that device in ``config/devices``.
    active : bool
        True to activate the node; False to configure it only.
    respawn : bool
        True to restart the node when it dies.

    Raises
    ------
    RuntimeError
        If ``params_file`` does not exist.
    """
    given = context.launch_configurations
    share = Path(get_package_share_directory('myogestic_ros'))
    files = [str(share / 'config' / f'{name}.yaml')]
    device = share / 'config' / 'devices' / f'{parameters.get("source")}.yaml'
    if name == 'driver' and device.is_file():
        files.append(str(device))
    if given.get('params_file'):
        file = Path(given['params_file']).expanduser().absolute()
        if not file.is_file():
            raise RuntimeError(f'params_file: there is no file {file}.')
        files.append(str(file))
    # Typed, so that a name such as 2026 stays a string.
    overrides = {
        key: ParameterValue(value, value_type=str) if isinstance(value, str) else value
        for key, value in parameters.items()
        if value != ''
    }
    overrides['use_sim_time'] = given.get('use_sim_time', 'false') == 'true'
    action = LifecycleNode(
        package='myogestic_ros',
        executable=name,
        name=name,
        namespace=given.get('namespace', ''),
        parameters=[*files, overrides],
        ros_arguments=['--log-level', given.get('log_level', 'info')],
        output='screen',
        sigterm_timeout=str(SHUTDOWN_TIMEOUT_S),
        respawn=respawn and given.get('respawn', 'true') == 'true',
        respawn_delay=RESPAWN_DELAY_S,
    )
    return LaunchedNode(name, active, action)


def bring_up(
    nodes: Sequence[LaunchedNode], autostart: bool = True, then: Sequence[Any] = ()
) -> list[Any]:
    """Return the actions that start all nodes at once and bring them up one after the other.

    A node is configured when all nodes before it are up. A node that refuses a transition, or
    ends before it is up, ends the launch with the reason. A restarted node is brought up again.
    While a driver waits for its device, the nodes after it wait, too.

    Parameters
    ----------
    nodes : sequence of LaunchedNode
        Nodes in the order in which they are brought up.
    autostart : bool
        False to leave all nodes unconfigured.
    then : sequence of action
        Actions after all nodes are up; without autostart, at once.
    """
    actions: list[Any] = []
    if autostart:
        sequence = _StartSequence(list(nodes), list(then))
        for node in nodes:
            actions += _handlers(node, sequence)
    return [*actions, *(node.action for node in nodes), *(() if autostart else then)]


@dataclass
class _StartSequence:
    """Nodes in their order, and the actions after all of them are up."""

    nodes: list[LaunchedNode]
    then: list[Any]


def _handlers(node: LaunchedNode, sequence: _StartSequence) -> list[Any]:
    def on(start: str, goal: str, function: Callable[..., Any]) -> Any:
        return OnStateTransition(
            target_lifecycle_node=node.action,
            start_state=start,
            goal_state=goal,
            entities=[OpaqueFunction(function=function)],
        )

    reached = partial(_on_reached, node=node, sequence=sequence)
    configured = partial(_activate, node=node, sequence=sequence) if node.active else reached
    handlers = [
        OnProcessStart(
            target_action=node.action,
            on_start=[OpaqueFunction(function=partial(_on_process_start, node=node))],
        ),
        EventHandler(
            matcher=lambda event: isinstance(event, _FirstStatus) and event.node is node,
            entities=[OpaqueFunction(function=partial(_configure_next, sequence=sequence))],
        ),
        EventHandler(
            matcher=lambda event: isinstance(event, _NewState) and event.node is node,
            entities=[
                OpaqueFunction(function=partial(_on_new_state, node=node, sequence=sequence))
            ],
        ),
        on('configuring', 'inactive', configured),
        on('activating', 'active', reached),
        on(
            'configuring', 'unconfigured', partial(_on_refusal, node=node, transition='configured')
        ),
        on('activating', 'inactive', partial(_on_refusal, node=node, transition='activated')),
        OnProcessExit(
            target_action=node.action,
            on_exit=[OpaqueFunction(function=partial(_on_process_exit, node=node))],
        ),
    ]
    return [RegisterEventHandler(handler) for handler in handlers]


def _on_process_start(context: LaunchContext, node: LaunchedNode) -> None:
    """Wait for the first status of the node.

    The status is latched and arrives after the node has discovered this process: from then on no
    response and no transition event of the node is lost.
    """
    node.reset()
    loop = context.asyncio_loop

    def on_status(message: Any) -> None:
        changed, node.state, node.message = (
            node.state != message.state,
            message.state,
            printable(message.message, multiline=True),
        )
        if not node.has_status:
            node.has_status = True
            loop.call_soon_threadsafe(lambda: context.emit_event_sync(_FirstStatus(node)))
        elif changed:
            loop.call_soon_threadsafe(lambda: context.emit_event_sync(_NewState(node)))

    if node.subscription is None:
        kind = STATUS_TYPES.get(node.name, NodeStatus)
        topic = f'{node.action.node_name}/status'
        node.subscription = get_ros_node(context).create_subscription(
            kind, topic, on_status, qos.STATUS
        )


def _configure_next(context: LaunchContext, sequence: _StartSequence) -> list[Any]:
    """Configure the first node that is not up, if its status was received."""
    node = next((node for node in sequence.nodes if not node.up), None)
    if node is None or node.requested or not node.has_status or context.is_shutdown:
        return []
    node.requested = True
    return [_change(node, Transition.TRANSITION_CONFIGURE)]


def _activate(context: LaunchContext, node: LaunchedNode, sequence: _StartSequence) -> list[Any]:
    return [] if node.up else [_change(node, Transition.TRANSITION_ACTIVATE)]


def _on_reached(context: LaunchContext, node: LaunchedNode, sequence: _StartSequence) -> list[Any]:
    """Go on with the next node, unless this one waits for its device."""
    node.reached = True
    if node.name != 'driver' or not node.active or node.state == 'streaming':
        return _on_up(context, node, sequence)
    # The status of the activation may arrive after the event of the transition.
    checks = partial(_on_new_state, node=node, sequence=sequence, timeout=True)
    return [TimerAction(period=REASON_DELAY_S, actions=[OpaqueFunction(function=checks)])]


def _on_new_state(
    context: LaunchContext, node: LaunchedNode, sequence: _StartSequence, timeout: bool = False
) -> list[Any]:
    """Go on if a driver no longer waits, or has stopped already, as after a short recording."""
    if node.up or not node.reached:
        return []
    if node.state == 'waiting':
        return [LogInfo(msg=f'{node.name} is active. {node.message}')] if timeout else []
    return _on_up(context, node, sequence) if timeout or node.state == 'streaming' else []


def _on_up(context: LaunchContext, node: LaunchedNode, sequence: _StartSequence) -> list[Any]:
    node.up = True
    text = f'{node.name} is {"active" if node.active else "ready (inactive)"}.'
    if not all(other.up for other in sequence.nodes):
        return [LogInfo(msg=text), *_configure_next(context, sequence)]
    then, sequence.then = sequence.then, []  # only once, not after a restart
    return [LogInfo(msg=f'{text} All nodes are up.'), *then]


def _change(node: LaunchedNode, transition: int) -> EmitEvent:
    return EmitEvent(
        event=ChangeState(
            lifecycle_node_matcher=matches_action(node.action), transition_id=transition
        )
    )


def _on_refusal(context: LaunchContext, node: LaunchedNode, transition: str) -> list[Any]:
    """End the launch, unless the node was up before: then a user requested the transition."""
    if node.reached:
        return []

    def end(context: LaunchContext) -> None:
        raise RuntimeError(f'{node.name} could not be {transition}: {node.message}')

    return [TimerAction(period=REASON_DELAY_S, actions=[OpaqueFunction(function=end)])]


def _on_process_exit(context: LaunchContext, node: LaunchedNode) -> None:
    if context.is_shutdown or node.reached:
        return
    code = context.locals.event.returncode
    raise RuntimeError(
        f'{node.name} ended with exit code {code} before it was up; see its output for the reason.'
    )
