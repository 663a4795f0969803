"""A guard around service callbacks: every request is answered, whatever the callback does."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.serialization import serialize_message

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.untrusted import printable

__all__ = ['guarded']


def guarded(
    name: str, kind: Any, callback: Callable[..., Any], log_error: Callable[[str], Any]
) -> Callable[[Any, Any], Any]:
    """Return a service callback that always returns a response that can be sent.

    rclpy drops a request whose callback raises, or returns a response with a value that the
    message type cannot hold; its client waits for ever.

    Parameters
    ----------
    name : str
        Name of the service, for messages.
    kind : type
        Type of the service.
    callback : callable
        Called with request and response; returns the response.
    log_error : callable
        Called with the traceback of an unexpected exception.
    """

    def answer(request: Any, response: Any) -> Any:
        try:
            response = callback(request, response)
            _clean(response)
            serialize_message(response)  # fails where sending the response would fail
        except MyoGesticError as error:
            return _refusal(kind, str(error))
        except Exception as error:
            log_error(f'Service {name} failed:\n{traceback.format_exc()}')
            return _refusal(kind, f'Service {name} failed: {error!r}')
        return response

    return answer


def _refusal(kind: Any, message: str) -> Any:
    response = kind.Response()
    if hasattr(response, 'success') and hasattr(response, 'message'):
        response.success, response.message = False, printable(message, multiline=True)
    return response


def _clean(message: Any) -> None:
    """Make all texts in a message printable, and so encodable, also in nested messages."""
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if isinstance(value, str):
            setattr(message, name, printable(value, multiline=True))
        elif isinstance(value, list) and value and isinstance(value[0], str):
            setattr(message, name, [printable(text, multiline=True) for text in value])
        else:
            for item in value if isinstance(value, list) else [value]:
                if hasattr(item, 'get_fields_and_field_types'):
                    _clean(item)
