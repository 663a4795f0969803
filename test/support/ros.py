"""Nodes in the process of the test, in a domain of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from support.graph import PATIENCE_S, set_domain


def _holds(condition: Callable[[], Any]) -> bool:
    try:
        return bool(condition())
    except IndexError:
        return False


class Ros:
    """Nodes that one executor spins, and a node of the test's own."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._nodes: list[Any] = []
        self.executor = SingleThreadedExecutor(context=context)
        self.hand = self.add(Node, 'test')

    def add(self, kind: Any, *args: Any, **parameters: Any) -> Any:
        """Make a node, as `run` would; ``__`` in the name of a parameter stands for a dot."""
        overrides = [Parameter(k.replace('__', '.'), value=v) for k, v in parameters.items()]
        node = kind(*args, context=self._context, parameter_overrides=overrides)
        self._nodes.append(node)
        self.executor.add_node(node)
        if isinstance(node, ManagedNode):
            node.autostart()
        return node

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Spin until a condition holds; one about the last item of an empty list does not."""
        end_s = time.monotonic() + PATIENCE_S
        while not _holds(condition):
            assert time.monotonic() < end_s, f'there was no {what}'
            self.executor.spin_once(timeout_sec=0.05)

    def listen(self, kind: Any, topic: str, profile: Any, **kwargs: Any) -> list[Any]:
        """Return a list that fills with what comes on a topic, once a publisher is known."""
        got: list[Any] = []
        subscription = self.hand.create_subscription(kind, topic, got.append, profile, **kwargs)
        count = self.hand.count_publishers
        self.until(lambda: count(subscription.topic_name), f'publisher of {topic}')
        return got

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        """Return a publisher that somebody listens to."""
        publisher = self.hand.create_publisher(kind, topic, profile)
        self.until(publisher.get_subscription_count, f'listener of {topic}')
        return publisher

    def call(self, kind: Any, service: str, **request: Any) -> Any:
        """Call a service and return its response."""
        client = self.hand.create_client(kind, service)
        self.until(client.service_is_ready, service)
        future = client.call_async(kind.Request(**request))
        self.until(future.done, f'answer of {service}')
        self.hand.destroy_client(client)
        return future.result()

    def change_state(self, node: str, transition: str) -> bool:
        """Take a lifecycle transition through the service, and tell whether it was taken."""
        request = ChangeState.Request()
        request.transition.label = transition
        return bool(self.call(ChangeState, f'{node}/change_state', **_fields(request)).success)

    def state(self, node: str) -> str:
        """Return a node's lifecycle state, as its service says."""
        return str(self.call(GetState, f'{node}/get_state').current_state.label)

    def close(self) -> None:
        """End the nodes as `run` does."""
        for node in self._nodes:
            if isinstance(node, ManagedNode) and node.lifecycle_state != 'finalized':
                node.trigger_shutdown()
        self.executor.shutdown()
        for node in self._nodes:
            node.destroy_node()


def _fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.get_fields_and_field_types()}


@contextmanager
def ros_graph() -> Iterator[Ros]:
    """Make a graph of nodes in this process."""
    set_domain()
    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        ros = Ros(context)
        try:
            yield ros
        finally:
            ros.close()
    finally:
        context.try_shutdown()
