"""The action server of cues: goals that last as long as somebody else says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node

from myogestic_ros.action import RunProtocol

__all__ = ['ProtocolServer']


class ProtocolServer(ActionServer):
    """Take one goal at a time, and hold it until it is finished.

    rclpy's own server wants a callback that returns at the end: it would block the executor, or,
    as a coroutine, be polled without pause.

    Parameters
    ----------
    node : Node
        Whose action it is.
    refusal : callable
        Returns why no goal is taken now, or '' when one is.
    begin : callable
        Called with a goal's request when it has been taken.
    cancel : callable
        Called when the goal is to be cancelled.
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
        self._logger_of_node = node.get_logger()
        super().__init__(
            node,
            RunProtocol,
            '~/run_protocol',
            execute_callback=lambda goal: RunProtocol.Result(),
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    def _on_goal(self, request: RunProtocol.Goal) -> GoalResponse:
        reason = self._refusal()
        if reason:
            self._logger_of_node.warning(f'A goal is refused: {reason}')
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_cancel(self, goal: Any) -> CancelResponse:
        self._cancel()
        return CancelResponse.ACCEPT

    def notify_execute(self, goal_handle: Any, execute_callback: Any) -> None:
        """Begin, where rclpy would call back and wait for the end."""
        self._goal = goal_handle
        self._begin(goal_handle.request)

    def tell(self, progress: Any) -> None:
        """Publish feedback, when there is a goal; from any thread."""
        goal = self._goal
        if goal is not None and goal.is_active:
            goal.publish_feedback(RunProtocol.Feedback(progress=progress))

    def finish(self, result: RunProtocol.Result) -> None:
        """End the goal, when there is one: succeeded, cancelled, or aborted."""
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
