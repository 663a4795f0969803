"""A bag's ``metadata.yaml``, in rosbag2's format of version 9 (Jazzy and newer)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from myogestic_ros.sessions.storage.disk_sync import sync_folder

__all__ = [
    'LATCHED',
    'STREAM',
    'BagMetadata',
    'FileMetadata',
    'TopicMetadata',
    'qos_yaml',
    'read_information',
]

VERSION = 9
MOST_BYTES = 2**20
"""A larger metadata.yaml is none."""
MOST_DEEP = 100
STARTS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


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


def read_information(file: Path) -> dict[str, Any] | None:
    """Return what a ``metadata.yaml`` says of its bag; None when it is missing or rubbish."""
    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return None
        text = file.read_text()
        depth = 0
        for event in yaml.parse(text, loader):  # what is nested without end would crash the loader
            depth += isinstance(event, STARTS) - isinstance(event, ENDS)
            if depth > MOST_DEEP:
                return None
        information = yaml.load(text, loader)['rosbag2_bagfile_information']
        return information if isinstance(information, dict) else None
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return None


def qos_yaml(profile: dict[str, Any]) -> str:
    """Return one QoS profile as rosbag2 writes it into an MCAP channel."""
    text: str = yaml.safe_dump([profile], sort_keys=False)
    return text.strip()


@dataclass
class TopicMetadata:
    """A topic of a bag and how many messages it has; ``qos``: one profile, or several."""

    name: str
    msgtype: str
    type_hash: str
    qos: dict[str, Any] | list[dict[str, Any]]
    messages: int = 0


@dataclass
class FileMetadata:
    """One of a bag's files; times in ns."""

    name: str
    start_ns: int
    duration_ns: int
    messages: int

    def to_dict(self) -> dict[str, Any]:
        """Return how rosbag2 lists it."""
        return {'path': self.name, **_times(self.start_ns, self.duration_ns, self.messages)}


def _times(start_ns: int, duration_ns: int, messages: int) -> dict[str, Any]:
    return {
        'starting_time': {'nanoseconds_since_epoch': start_ns},
        'duration': {'nanoseconds': duration_ns},
        'message_count': messages,
    }


@dataclass
class BagMetadata:
    """What ``metadata.yaml`` says of a bag of MCAP files; times in ns.

    Attributes
    ----------
    file : str
        Name of its only file.
    files : sequence of FileMetadata
        All of them where there are several; ``file`` does not count then.
    """

    file: str
    topics: Sequence[TopicMetadata]
    start_ns: int
    duration_ns: int
    custom_data: dict[str, str]
    files: Sequence[FileMetadata] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the content under ``rosbag2_bagfile_information``."""
        count = sum(topic.messages for topic in self.topics)
        files = self.files or [FileMetadata(self.file, self.start_ns, self.duration_ns, count)]
        return {
            'version': VERSION,
            'storage_identifier': 'mcap',
            **_times(self.start_ns, self.duration_ns, count),
            'topics_with_message_count': [
                {
                    'topic_metadata': {
                        'name': topic.name,
                        'type': topic.msgtype,
                        'serialization_format': 'cdr',
                        'offered_qos_profiles': (
                            topic.qos if isinstance(topic.qos, list) else [topic.qos]
                        ),
                        'type_description_hash': topic.type_hash,
                    },
                    'message_count': topic.messages,
                }
                for topic in self.topics
            ],
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [file.name for file in files],
            'files': [file.to_dict() for file in files],
            'custom_data': self.custom_data,
            'ros_distro': os.environ.get('ROS_DISTRO', 'rolling'),
        }

    def write(self, folder: Path, *, sync: bool = True) -> None:
        """Write ``metadata.yaml`` in one go: there is the old one or the new one, never a part.

        With ``sync`` that holds when the power ends, too; it may take a while.
        """
        content = {'rosbag2_bagfile_information': self.to_dict()}
        temporary = folder / '.metadata.yaml.tmp'
        with temporary.open('w') as stream:
            stream.write(yaml.safe_dump(content, sort_keys=False))
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        os.replace(temporary, folder / 'metadata.yaml')
        if sync:
            sync_folder(folder)
