"""The topics that the recorder records, with their message types."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from myogestic_ros.core.errors import SessionError
from myogestic_ros.msg import EmgFrame, Label, StreamInfo
from myogestic_ros.nodes.recorder.parameters import DEFAULT_TOPICS
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM

__all__ = ['WantedTopic', 'wanted_topics']


class WantedTopic(NamedTuple):
    """A topic to record.

    Attributes
    ----------
    name : str
        Name as given in the parameters.
    kind : type
        Message class.
    offered : dict
        QoS profile that the bag stores for the topic.
    expected : bool
        True if the recorder warns while nothing is published: for topics that a parameter
        names, except the label topic and the topics recorded by default.
    """

    name: str
    kind: Any
    offered: dict[str, Any]
    expected: bool = False

    @property
    def msgtype(self) -> str:
        """Name of the message type, for example ``myogestic_ros/msg/EmgFrame``."""
        return f'{self.kind.__module__.split(".")[0]}/msg/{self.kind.__name__}'


def wanted_topics(
    emg_topics: Sequence[str], label_topic: str, other_topics: Sequence[str]
) -> list[WantedTopic]:
    """Return the topics that the parameters of these names select.

    Raises
    ------
    SessionError
        If an entry of ``other_topics`` is malformed, or its type is not installed.
    """
    wanted = []
    for topic in filter(None, emg_topics):
        wanted.append(WantedTopic(topic, EmgFrame, STREAM, expected=True))
        wanted.append(WantedTopic(f'{topic}/info', StreamInfo, LATCHED))
    wanted.append(WantedTopic(label_topic, Label, LATCHED))
    return wanted + [_parse_topic(text) for text in filter(None, other_topics)]


def _parse_topic(text: str) -> WantedTopic:
    topic, _, msgtype = text.partition(':')
    package, _, name = msgtype.partition('/msg/')
    try:
        if not (topic and package and name):
            raise ValueError(text)
        kind = getattr(import_module(f'{package}.msg'), name)
        return WantedTopic(topic, kind, STREAM, text not in DEFAULT_TOPICS)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SessionError(
            f"other_topics: got '{text}', expected 'topic:package/msg/Type' with an installed "
            f'message type.'
        ) from error
