"""What a controller of ros2_control says of itself: its joints, and what it takes."""

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
        self._answers: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer: Any = node.create_timer(PERIOD_S, self._ask, clock=steady)

    def ask_again(self) -> None:
        """Forget the answers: the controller may be another one."""
        self._values = {}
        self._answers = {}

    def _ask(self) -> None:
        if not self._client.service_is_ready():
            return
        for name in NAMES:  # one by one: of several, none is answered when one is not declared
            if name in self._values:
                continue
            answer = self._answers.get(name)
            if answer is None:
                self._answers[name] = self._client.call_async(GetParameters.Request(names=[name]))
            elif answer.done():
                del self._answers[name]
                values = answer.result().values
                self._values[name] = values[0] if values else ParameterValue()

    def trouble(self, joints: list[str], output: str) -> str | None:
        """Return why commands for these joints do not suit the controller; None when they do."""
        if len(self._values) < len(NAMES):
            return f"the controller '{self._controller}' has not said what its joints are"
        theirs = list(self._values['joints'].string_array_value)
        takes = self._values['interface_name'].string_value
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
