"""For launch files: managed nodes that come up in order, and say why when they do not.

A launch file of this package declares its arguments and names its nodes; who writes one of their
own may do the same (docs/how-to/launch.md).
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

from myogestic_ros.msg import BridgeStatus, NodeStatus, PipelineStatus
from myogestic_ros.nodes.common import qos

__all__ = ['Managed', 'bring_up', 'managed']

STATUS_TYPES = {'pipeline': PipelineStatus, 'bridge': BridgeStatus}
"""Of ~/status; that of the other nodes is NodeStatus."""
REASON_WITHIN_S = 0.5
"""So long after a refusal its reason has arrived, too."""
END_WITHIN_S = 15
"""What a node is given to end after Ctrl-C: a bridge takes the hand to rest, a recorder closes its
session."""
RESPAWN_AFTER_S = 2.0


@dataclass
class Managed:
    """A managed node to be brought up.

    Attributes
    ----------
    name : str
        Name of the node, and of its executable.
    active : bool
        Whether it is activated, or only configured.
    action : LifecycleNode
        What starts it.
    message : str
        What it said last on its ``~/status``.
    """

    name: str
    active: bool
    action: Any
    message: str = ''
    heard: bool = field(default=False, init=False)
    asked: bool = field(default=False, init=False)
    up: bool = field(default=False, init=False)
    subscription: Any = field(default=None, init=False)

    def begin(self) -> None:
        """Take note that a process of it has started."""
        self.heard = self.asked = self.up = False


class _Spoke(Event):  # type: ignore[misc]
    """A managed node has said something on its ~/status for the first time."""

    name = 'myogestic_ros.Spoke'

    def __init__(self, node: Managed) -> None:
        self.node = node


def managed(
    context: LaunchContext,
    name: str,
    parameters: Mapping[str, Any],
    *,
    active: bool = False,
    respawn: bool = False,
) -> Managed:
    """Return a node of this package, to be brought up.

    Parameters
    ----------
    context : LaunchContext
        For the arguments ``namespace``, ``params_file``, ``use_sim_time`` and ``log_level``.
    name : str
        ``'driver'``, ``'recorder'``, ``'pipeline'``, ``'bridge'`` or ``'hand'``.
    parameters : mapping
        What is to hold over the parameter files; values that are ``''`` are left to them.
    active : bool
        Whether it is activated, or only configured.
    respawn : bool
        Whether it is started again when it dies.

    Raises
    ------
    RuntimeError
        When ``params_file`` is not there.
    """
    given = context.launch_configurations
    share = Path(get_package_share_directory('myogestic_ros'))
    files = [str(share / 'config' / f'{name}.yaml')]
    if given.get('params_file'):
        file = Path(given['params_file']).expanduser().absolute()
        if not file.is_file():
            raise RuntimeError(f'params_file: there is no file {file}.')
        files.append(str(file))
    # A name such as 2026 stays a string.
    chosen = {
        key: ParameterValue(value, value_type=str) if isinstance(value, str) else value
        for key, value in parameters.items()
        if value != ''
    }
    chosen['use_sim_time'] = given.get('use_sim_time', 'false') == 'true'
    action = LifecycleNode(
        package='myogestic_ros',
        executable=name,
        name=name,
        namespace=given.get('namespace', ''),
        parameters=[*files, chosen],
        ros_arguments=['--log-level', given.get('log_level', 'info')],
        output='screen',
        sigterm_timeout=str(END_WITHIN_S),
        respawn=respawn and given.get('respawn', 'true') == 'true',
        respawn_delay=RESPAWN_AFTER_S,
    )
    return Managed(name, active, action)


def bring_up(
    nodes: Sequence[Managed], autostart: bool = True, then: Sequence[Any] = ()
) -> list[Any]:
    """Return the actions that start nodes at once and take them up one after the other.

    A node is configured when those before it are up. One that refuses ends the launch, with its
    reason; so does one that ends before it was up. One that is started again is taken up again.

    Parameters
    ----------
    nodes : sequence of Managed
        In the order in which they come up.
    autostart : bool
        Whether they take any transition.
    then : sequence of action
        What is done once all are up; at once, when they take none.
    """
    actions: list[Any] = []
    if autostart:
        order = _Order(list(nodes), list(then))
        for node in nodes:
            actions += _handlers(node, order)
    return [*actions, *(node.action for node in nodes), *(() if autostart else then)]


@dataclass
class _Order:
    """The nodes in their order, and what is to be done once all of them are up."""

    nodes: list[Managed]
    then: list[Any]


def _handlers(node: Managed, order: _Order) -> list[Any]:
    def on(start: str, goal: str, function: Callable[..., Any]) -> Any:
        return OnStateTransition(
            target_lifecycle_node=node.action,
            start_state=start,
            goal_state=goal,
            entities=[OpaqueFunction(function=function)],
        )

    configured = partial(_activate if node.active else _arrived, node=node, order=order)
    handlers = [
        OnProcessStart(
            target_action=node.action,
            on_start=[OpaqueFunction(function=partial(_started, node=node))],
        ),
        EventHandler(
            matcher=lambda event: isinstance(event, _Spoke) and event.node is node,
            entities=[OpaqueFunction(function=partial(_next, order=order))],
        ),
        on('configuring', 'inactive', configured),
        on('activating', 'active', partial(_arrived, node=node, order=order)),
        on('configuring', 'unconfigured', partial(_refused, node=node, what='configured')),
        on('activating', 'inactive', partial(_refused, node=node, what='activated')),
        OnProcessExit(
            target_action=node.action,
            on_exit=[OpaqueFunction(function=partial(_ended, node=node))],
        ),
    ]
    return [RegisterEventHandler(handler) for handler in handlers]


def _started(context: LaunchContext, node: Managed) -> None:
    """Wait for the node's first word.

    Its status is latched, and comes once the node knows who listens here: from then on no answer
    and no transition of its can get lost.
    """
    node.begin()
    loop = context.asyncio_loop

    def hear(message: Any) -> None:
        node.message = message.message
        if not node.heard:
            node.heard = True
            loop.call_soon_threadsafe(lambda: context.emit_event_sync(_Spoke(node)))

    if node.subscription is None:
        kind = STATUS_TYPES.get(node.name, NodeStatus)
        topic = f'{node.action.node_name}/status'
        node.subscription = get_ros_node(context).create_subscription(
            kind, topic, hear, qos.STATUS
        )


def _next(context: LaunchContext, order: _Order) -> list[Any]:
    """Configure the first node that is not up, once it is there."""
    node = next((node for node in order.nodes if not node.up), None)
    if node is None or node.asked or not node.heard or context.is_shutdown:
        return []
    node.asked = True
    return [_change(node, Transition.TRANSITION_CONFIGURE)]


def _activate(context: LaunchContext, node: Managed, order: _Order) -> list[Any]:
    return [] if node.up else [_change(node, Transition.TRANSITION_ACTIVATE)]


def _arrived(context: LaunchContext, node: Managed, order: _Order) -> list[Any]:
    node.up = True
    text = f'{node.name} is {"active" if node.active else "ready (inactive)"}.'
    if not all(other.up for other in order.nodes):
        return [LogInfo(msg=text), *_next(context, order)]
    then, order.then = order.then, []  # once, however often a node comes back
    return [LogInfo(msg=f'{text} All nodes are up.'), *then]


def _change(node: Managed, transition: int) -> EmitEvent:
    return EmitEvent(
        event=ChangeState(
            lifecycle_node_matcher=matches_action(node.action), transition_id=transition
        )
    )


def _refused(context: LaunchContext, node: Managed, what: str) -> list[Any]:
    """End the launch: unless the node was up, and somebody else asked for it."""
    if node.up:
        return []

    def end(context: LaunchContext) -> None:
        raise RuntimeError(f'{node.name} could not be {what}: {node.message}')

    return [TimerAction(period=REASON_WITHIN_S, actions=[OpaqueFunction(function=end)])]


def _ended(context: LaunchContext, node: Managed) -> None:
    if context.is_shutdown or node.up:
        return
    code = context.locals.event.returncode
    raise RuntimeError(
        f'{node.name} ended with exit code {code} before it was up; what it printed says why.'
    )
