"""Every error that this package raises on purpose, in one tree.

::

    MyoGesticError
    ├── StateError       an action the state machine does not allow now (a refusal)
    ├── SignalError      a frame or stream that is not what it claims to be
    ├── TrainingError    a training that ended without a model
    ├── ModelError       a model file that is missing, foreign, changed or does not fit
    ├── SessionError     a session that cannot be read or written
    ├── ProtocolError    a protocol that cannot be read or run
    ├── SourceError      a source that cannot be opened or read
    ├── DecoderError     a decoder that cannot be loaded, or breaks its contract
    └── ControlError     a hand that cannot be driven as it is described

The message of each says what came, what was expected and what to do. Nodes turn them into
``success=False`` and the message.
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
    'StateError',
    'TrainingError',
]


class MyoGesticError(Exception):
    """Base of all errors of this package."""


class StateError(MyoGesticError):
    """An action that the state machine refuses; the message says what is and what is expected."""


class SignalError(MyoGesticError):
    """A frame or stream that is malformed or does not fit what was announced."""


class TrainingError(MyoGesticError):
    """A training that ended without a usable model."""


class ModelError(MyoGesticError):
    """A model that was refused: missing, foreign, changed, or made for other streams."""


class SessionError(MyoGesticError):
    """A session that cannot be read or written."""


class ProtocolError(MyoGesticError):
    """A protocol of cues that cannot be read or run."""


class SourceError(MyoGesticError):
    """A source that cannot be opened, configured or read."""


class DecoderError(MyoGesticError):
    """A decoder that cannot be loaded, or a callback that breaks its contract."""


class ControlError(MyoGesticError):
    """A hand that cannot be driven as a mapping, a URDF or parameters describe it."""
