"""Query the joints and the command interface of a ros2_control controller."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import GetParameters
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

__all__ = ['ControllerJoints']

PERIOD_S = 0.2
NAMES = ('joints', 'interface_name')


class ControllerJoints:
    """Query the parameters of a controller until it has answered.

    Parameters
    ----------
    node : Node
        Node that owns the client.
    controller : str
        Name of the controller's node.
    """

    def __init__(self, node: Node, controller: str) -> None:
        self._node = node
        self._controller = controller
        self._client: Any = node.create_client(GetParameters, f'{controller}/get_parameters')
        self._futures: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer: Any = node.create_timer(PERIOD_S, self._query, clock=steady)

    def restart(self) -> None:
        """Discard the answers and query again: the controller may have been replaced."""
        self._values = {}
        self._futures = {}

    def _query(self) -> None:
        if not self._client.service_is_ready():
            return
        for name in NAMES:  # one per request: an undeclared name leaves a request unanswered
            if name in self._values:
                continue
            future = self._futures.get(name)
            if future is None:
                self._futures[name] = self._client.call_async(GetParameters.Request(names=[name]))
            elif future.done():
                del self._futures[name]
                values = future.result().values
                self._values[name] = values[0] if values else ParameterValue()

    def incompatibility(self, joints: list[str], output: str) -> str | None:
        """Return why the controller does not accept commands; None if it does.

        Parameters
        ----------
        joints : list of str
            Names of the commanded joints, in order.
        output : str
            Kind of output, a key of `OUTPUTS`.
        """
        if len(self._values) < len(NAMES):
            return (
                f"the controller '{self._controller}' has not reported its joints; check that it "
                f'is running and that the parameter controller is correct'
            )
        controller_joints = list(self._values['joints'].string_array_value)
        interface = self._values['interface_name'].string_value
        if not controller_joints:
            return (
                f"'{self._controller}' has no parameter 'joints'; expected a controller of joints"
            )
        by_order = output in ('position', 'velocity')  # the other messages name their joints
        if by_order:
            same = controller_joints == joints
        else:
            same = sorted(controller_joints) == sorted(joints)
        if not same:
            return (
                f"the joints of '{self._controller}' are {', '.join(controller_joints)}, but this "
                f'node commands {", ".join(joints)}; set the parameter joints to those of the '
                f'controller'
            )
        if by_order and interface and interface != output:
            return (
                f"'{self._controller}' expects {interface} commands, but the parameter output is "
                f'{output}'
            )
        return None

    def close(self) -> None:
        """Stop the queries."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_client(self._client)
