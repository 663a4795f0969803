"""The action server of the cues node."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node

from myogestic_ros.action import RunProtocol
from myogestic_ros.msg import CueProgress

__all__ = ['ProtocolServer']


class ProtocolServer(ActionServer):
    """Accept one goal at a time, active until `finish` is called.

    The execute callback of rclpy's server must run until the goal ends: it would block the
    executor or, as a coroutine, be polled continuously.

    Parameters
    ----------
    node : Node
        Node that owns the action server.
    refusal : callable
        Returns the reason to reject a goal, or '' to accept it.
    begin : callable
        Called with the request of an accepted goal.
    cancel : callable
        Called when a client requests to cancel the goal.
    """

    def __init__(
        self,
        node: Node,
        refusal: Callable[[], str],
        begin: Callable[[Any], None],
        cancel: Callable[[], None],
    ) -> None:
        self._goal: Any = None
        self._refusal = refusal
        self._begin = begin
        self._cancel = cancel
        self._node_logger = node.get_logger()
        super().__init__(
            node,
            RunProtocol,
            '~/run_protocol',
            execute_callback=lambda goal: RunProtocol.Result(),
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    def _on_goal(self, request: RunProtocol.Goal) -> GoalResponse:
        try:
            reason = self._refusal()
        except Exception as error:  # without an answer, the client would wait for ever
            self._node_logger.error(f'Goal failed:\n{traceback.format_exc()}')
            reason = repr(error)
        if reason:
            self._node_logger.warning(f'Goal rejected: {reason}')
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_cancel(self, goal: Any) -> CancelResponse:
        self._cancel()
        return CancelResponse.ACCEPT

    def notify_execute(self, goal_handle: Any, execute_callback: Any) -> None:
        """Begin the goal; override of rclpy, which would call the execute callback."""
        self._goal = goal_handle
        try:
            self._begin(goal_handle.request)
        except Exception as error:  # without a result, the client would wait for ever
            self._node_logger.error(f'Goal failed:\n{traceback.format_exc()}')
            self.finish(RunProtocol.Result(message=f'The goal failed: {error!r}'))

    def publish_progress(self, progress: CueProgress) -> None:
        """Publish feedback if a goal is active. Thread-safe."""
        goal = self._goal
        if goal is not None and goal.is_active:
            goal.publish_feedback(RunProtocol.Feedback(progress=progress))

    def finish(self, result: RunProtocol.Result) -> None:
        """End the goal, if one is active, as succeeded, canceled or aborted."""
        goal, self._goal = self._goal, None
        if goal is None:
            return

        def end(handle: Any) -> RunProtocol.Result:
            if result.success:
                handle.succeed()
            elif handle.is_cancel_requested:
                handle.canceled()
            else:
                handle.abort()
            return result

        super().notify_execute(goal, end)
