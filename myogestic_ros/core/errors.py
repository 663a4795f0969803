"""Exceptions of this package.

::

    MyoGesticError
    ├── StateError       an action that the state machine does not allow now
    ├── SignalError      a malformed frame or stream, or an invalid filter
    ├── TrainingError    a training that ended without a model
    ├── ModelError       a model that is missing, changed or incompatible
    ├── SessionError     a session that cannot be read or written
    ├── ProtocolError    a protocol that cannot be read or run
    ├── SourceError      a source that cannot be opened, configured or read
    │   └── SourceWaiting  a device that is not there yet
    ├── DecoderError     a decoder that cannot be imported or is invalid
    └── ControlError     an invalid mapping, URDF or parameter of a hand

Each message states the actual value, the expected value and the remedy. Nodes answer a service
call with ``success=False`` and the message.
"""

__all__ = [
    'ControlError',
    'DecoderError',
    'ModelError',
    'MyoGesticError',
    'ProtocolError',
    'SessionError',
    'SignalError',
    'SourceError',
    'SourceWaiting',
    'StateError',
    'TrainingError',
]


class MyoGesticError(Exception):
    """Base class of all errors of this package."""


class StateError(MyoGesticError):
    """An action that the state machine does not allow in the current state."""


class SignalError(MyoGesticError):
    """A malformed frame or stream, or a filter that is invalid or cannot be applied."""


class TrainingError(MyoGesticError):
    """A training that ended without a usable model."""


class ModelError(MyoGesticError):
    """A model that is missing, unreadable, changed, or incompatible with the streams."""


class SessionError(MyoGesticError):
    """A session that cannot be read or written."""


class ProtocolError(MyoGesticError):
    """A cue protocol that cannot be read or run."""


class SourceError(MyoGesticError):
    """A source that cannot be opened, configured or read."""


class SourceWaiting(SourceError):  # noqa: N818 - not an error: the device may come
    """A device that is not there yet; nothing is wrong.

    The message tells what the user has to do, without a full stop: "switch the Muovi on (listening
    on port 54321)".
    """


class DecoderError(MyoGesticError):
    """A decoder that cannot be imported, or an invalid callback."""


class ControlError(MyoGesticError):
    """An invalid mapping, URDF or parameter of a hand."""
