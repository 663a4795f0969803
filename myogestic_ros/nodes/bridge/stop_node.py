"""A node for the emergency stop alone, with a thread of its own."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

from myogestic_ros.nodes.bridge.emergency_stop import EmergencyStopTopic
from myogestic_ros.nodes.common.guarded_service import guarded

__all__ = ['StopNode']

END_TIMEOUT_S = 1.0


class StopNode:
    """Serve ``~/emergency_stop`` of the bridge, and the topic of the emergency stop.

    The executor of the bridge may be busy: with predictions, joint states, a configuration that
    reads files. The emergency stop does not wait for it: it has a node, an executor and a thread of
    its own, which runs with the lowest real-time priority if the system grants one, as the thread
    of the commands does.

    Parameters
    ----------
    bridge : Node
        The bridge node, which has given its names to the service.
    topic : str
        Topic of the emergency stop; empty: none.
    on_request : callable
        Called with request and response of ``~/emergency_stop``; returns the response.
    on_message : callable
        Called when an emergency stop is received on the topic.

    Attributes
    ----------
    topic : EmergencyStopTopic or None
        The topic of the emergency stop.
    """

    def __init__(
        self,
        bridge: Node,
        topic: str,
        on_request: Callable[[Trigger.Request, Trigger.Response], Trigger.Response],
        on_message: Callable[[], None],
    ) -> None:
        self._node = Node(
            f'{bridge.get_name()}_emergency_stop',
            namespace=bridge.get_namespace(),
            context=bridge.context,
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )
        name = f'{bridge.get_fully_qualified_name()}/emergency_stop'
        answer = guarded(
            'emergency_stop', Trigger, on_request, lambda text: bridge.get_logger().error(text)
        )
        self._service: Any = self._node.create_service(Trigger, name, answer)
        self.topic = EmergencyStopTopic(self._node, topic, on_message) if topic else None
        self._executor = SingleThreadedExecutor(context=bridge.context)
        self._executor.add_node(self._node)
        self._ended = False
        self._thread = threading.Thread(target=self._run, name='emergency stop', daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # not permitted, or not Linux
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        with contextlib.suppress(ExternalShutdownException):
            while not self._ended and self._node.context.ok():
                self._executor.spin_once(timeout_sec=1.0)

    def close(self) -> None:
        """End the thread and destroy the node."""
        self._ended = True
        self._executor.create_task(lambda: None)  # wakes it
        self._thread.join(END_TIMEOUT_S)
        self._executor.shutdown(timeout_sec=END_TIMEOUT_S)
        self._node.destroy_node()
