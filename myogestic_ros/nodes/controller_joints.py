"""What a controller of ros2_control says of itself: its joints, and what it takes."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

__all__ = ['ControllerJoints']

PERIOD_S = 0.2
NAMES = ('joints', 'interface_name')


class ControllerJoints:
    """Ask a controller, until it has answered.

    Parameters
    ----------
    node : Node
        Who asks.
    controller : str
        Name of the controller's node.
    """

    def __init__(self, node: Node, controller: str) -> None:
        self._node = node
        self._controller = controller
        self._client: Any = node.create_client(GetParameters, f'{controller}/get_parameters')
        self._answer: Any = None
        self._values: dict[str, Any] | None = None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer: Any = node.create_timer(PERIOD_S, self._ask, clock=steady)

    def ask_again(self) -> None:
        """Forget the answer: the controller may be another one."""
        self._values = None
        self._answer = None

    def _ask(self) -> None:
        if self._values is not None or not self._client.service_is_ready():
            return
        if self._answer is None:
            request = GetParameters.Request(names=list(NAMES))
            self._answer = self._client.call_async(request)
        elif self._answer.done():
            answer, self._answer = self._answer, None
            values = answer.result().values if answer.result() is not None else []
            if len(values) == len(NAMES):
                self._values = {
                    'joints': list(values[0].string_array_value),
                    'interface_name': values[1].string_value,
                }

    def trouble(self, joints: list[str], output: str) -> str | None:
        """Return why commands for these joints do not suit the controller; None when they do."""
        if self._values is None:
            return f"the controller '{self._controller}' has not said what its joints are"
        theirs, takes = self._values['joints'], self._values['interface_name']
        if not theirs:
            return f"'{self._controller}' has no parameter 'joints'; is it a controller of joints?"
        in_order = output in ('position', 'velocity')  # the others say which joints they mean
        same = theirs == joints if in_order else sorted(theirs) == sorted(joints)
        if not same:
            return (
                f"the joints of '{self._controller}' are {', '.join(theirs)}, those of this node "
                f'{", ".join(joints)}; set the parameter joints to the former'
            )
        if in_order and takes and takes != output:
            return f"'{self._controller}' takes {takes}, and output is {output}"
        return None

    def close(self) -> None:
        """Ask no more."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_client(self._client)
