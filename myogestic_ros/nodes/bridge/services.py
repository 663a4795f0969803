"""The services of the bridge node: arming, the emergency stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from std_srvs.srv import Trigger

from myogestic_ros.core.errors import MyoGesticError, StateError

__all__ = ['BridgeServices', 'disarmed']


def disarmed(why: str) -> str:
    """Return what to say of a bridge that may be armed."""
    return f'{why}; disarmed: nothing is sent until ~/arm.'


class BridgeServices:
    """Offer the services of a bridge node; each is there in every state of it.

    Parameters
    ----------
    node : BridgeNode
        Whose ``arming`` and ``moving`` they work on.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        for name, action in (
            ('arm', self._arm),
            ('disarm', self._disarm),
            ('emergency_stop', self._stop),
            ('reset', self._reset),
        ):
            node.create_service(Trigger, f'~/{name}', partial(self._answer, action))

    def _answer(
        self, action: Callable[[], str], request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        logger = self._node.get_logger()
        try:
            response.message = action()
            response.success = True
            logger.info(response.message)
        except MyoGesticError as error:
            response.message = str(error)
            logger.warning(response.message)
        self._node.set_status(response.message)
        return response

    def _arm(self) -> str:
        phase = self._node.lifecycle_state
        if phase != 'active':
            hint = 'activate' if phase == 'inactive' else 'configure and activate'
            raise StateError(
                f"Cannot arm: the node is '{phase}', expected 'active'; {hint} it first."
            )
        trouble = self._node.controller_trouble()
        if trouble is not None:
            raise StateError(f'Cannot arm: {trouble}.')
        self._node.moving.arm()
        return 'Armed: predictions move the hand.'

    def _disarm(self) -> str:
        arming, moving = self._node.arming, self._node.moving
        if moving is not None:
            moving.disarm()
        arming.disarm()
        return 'Stopped stays stopped; no command is sent.' if arming.stopped else 'Disarmed.'

    def _stop(self) -> str:
        moving = self._node.moving
        if moving is not None:
            moving.stop()
        self._node.arming.stop()
        return 'Emergency stop: the hand stays where it is until ~/reset.'

    def _reset(self) -> str:
        moving = self._node.moving
        if moving is not None:
            moving.reset()
        else:
            self._node.arming.reset()
        return disarmed('The emergency stop is over')
