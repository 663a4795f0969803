"""Which topics the recorder listens to, and of which type each is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from myogestic_ros.core.errors import SessionError
from myogestic_ros.msg import EmgFrame, Label, StreamInfo
from myogestic_ros.nodes.recorder.parameters import BY_DEFAULT
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM

__all__ = ['WantedTopic', 'wanted_topics']


class WantedTopic(NamedTuple):
    """A topic as it was named, the class of its messages, and the QoS that a bag notes of it.

    Something is expected on those that somebody has asked for; not on a label topic, nor on what
    is recorded by default, should there be anything.
    """

    name: str
    kind: Any
    offered: dict[str, Any]
    expected: bool = False

    @property
    def msgtype(self) -> str:
        """The type's name, for example ``myogestic_ros/msg/EmgFrame``."""
        return f'{self.kind.__module__.split(".")[0]}/msg/{self.kind.__name__}'


def wanted_topics(
    emg_topics: Sequence[str], label_topic: str, other_topics: Sequence[str]
) -> list[WantedTopic]:
    """Return what the parameters of these names ask for.

    Raises
    ------
    SessionError
        When a type in ``other_topics`` is not installed.
    """
    wanted = []
    for topic in filter(None, emg_topics):
        wanted.append(WantedTopic(topic, EmgFrame, STREAM, expected=True))
        wanted.append(WantedTopic(f'{topic}/info', StreamInfo, LATCHED))
    wanted.append(WantedTopic(label_topic, Label, LATCHED))
    return wanted + [_parsed(text) for text in filter(None, other_topics)]


def _parsed(text: str) -> WantedTopic:
    topic, _, msgtype = text.partition(':')
    package, _, name = msgtype.partition('/msg/')
    try:
        if not (topic and package and name):
            raise ValueError(text)
        kind = getattr(import_module(f'{package}.msg'), name)
        return WantedTopic(topic, kind, STREAM, text not in BY_DEFAULT)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SessionError(
            f"other_topics: got '{text}', expected 'topic:package/msg/Type' of a message type "
            f'that is installed.'
        ) from error
