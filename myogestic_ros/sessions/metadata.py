"""A bag's ``metadata.yaml``, in rosbag2's format of version 9 (Jazzy and newer)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ['LATCHED', 'STREAM', 'BagMetadata', 'TopicMetadata', 'qos_yaml']

VERSION = 9


def _qos(durability: str, depth: int) -> dict[str, Any]:
    forever = {'sec': 9223372036, 'nsec': 854775807}
    return {
        'history': 'keep_last',
        'depth': depth,
        'reliability': 'reliable',
        'durability': durability,
        'deadline': forever,
        'lifespan': forever,
        'liveliness': 'automatic',
        'liveliness_lease_duration': forever,
        'avoid_ros_namespace_conventions': False,
    }


STREAM = _qos('volatile', 100)
"""Offered QoS of a stream of frames."""

LATCHED = _qos('transient_local', 1)
"""Offered QoS of a latched topic: played again, a late subscriber still gets the last one."""


def qos_yaml(profile: dict[str, Any]) -> str:
    """Return one QoS profile as rosbag2 writes it into an MCAP channel."""
    text: str = yaml.safe_dump([profile], sort_keys=False)
    return text.strip()


@dataclass
class TopicMetadata:
    """A topic of a bag and how many messages it has."""

    name: str
    msgtype: str
    type_hash: str
    qos: dict[str, Any]
    messages: int = 0


@dataclass
class BagMetadata:
    """What ``metadata.yaml`` says of a bag with one MCAP file; times in ns."""

    file: str
    topics: Sequence[TopicMetadata]
    start_ns: int
    duration_ns: int
    custom_data: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the content under ``rosbag2_bagfile_information``."""
        count = sum(topic.messages for topic in self.topics)
        times = {
            'starting_time': {'nanoseconds_since_epoch': self.start_ns},
            'duration': {'nanoseconds': self.duration_ns},
            'message_count': count,
        }
        return {
            'version': VERSION,
            'storage_identifier': 'mcap',
            **times,
            'topics_with_message_count': [
                {
                    'topic_metadata': {
                        'name': topic.name,
                        'type': topic.msgtype,
                        'serialization_format': 'cdr',
                        'offered_qos_profiles': [topic.qos],
                        'type_description_hash': topic.type_hash,
                    },
                    'message_count': topic.messages,
                }
                for topic in self.topics
            ],
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [self.file],
            'files': [{'path': self.file, **times}],
            'custom_data': self.custom_data,
            'ros_distro': os.environ.get('ROS_DISTRO', 'rolling'),
        }

    def write(self, folder: Path) -> None:
        """Write ``metadata.yaml`` in one go: there is the old one or the new one, never a part."""
        content = {'rosbag2_bagfile_information': self.to_dict()}
        temporary = folder / '.metadata.yaml.tmp'
        temporary.write_text(yaml.safe_dump(content, sort_keys=False))
        os.replace(temporary, folder / 'metadata.yaml')
