"""Read and write ``metadata.yaml`` of a bag, in version 9 of rosbag2's format (Jazzy, newer)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from myogestic_ros.core.yaml_file import check_size
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
MAX_BYTES = 4 * 2**20
"""A larger file is rejected: a bag may come from anywhere."""


def _qos(durability: str, depth: int) -> dict[str, Any]:
    infinite = {'sec': 9223372036, 'nsec': 854775807}
    return {
        'history': 'keep_last',
        'depth': depth,
        'reliability': 'reliable',
        'durability': durability,
        'deadline': infinite,
        'lifespan': infinite,
        'liveliness': 'automatic',
        'liveliness_lease_duration': infinite,
        'avoid_ros_namespace_conventions': False,
    }


STREAM = _qos('volatile', 100)
"""Offered QoS of a stream of EmgFrame messages."""

LATCHED = _qos('transient_local', 1)
"""Offered QoS of a latched topic; ``ros2 bag play`` also offers it, for late subscribers."""


def read_information(file: Path) -> dict[str, Any] | None:
    """Return the information in a ``metadata.yaml``; None if it is missing or malformed."""
    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
            return None
        text = file.read_text()
        check_size(text)
        information = yaml.load(text, loader)['rosbag2_bagfile_information']
        return information if isinstance(information, dict) else None
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return None


def qos_yaml(profile: dict[str, Any]) -> str:
    """Return a QoS profile in rosbag2's format for the metadata of an MCAP channel."""
    text: str = yaml.safe_dump([profile], sort_keys=False)
    return text.strip()


@dataclass
class TopicMetadata:
    """Topic of a bag with its number of messages; ``qos`` is one profile or a list of profiles."""

    name: str
    msgtype: str
    type_hash: str
    qos: dict[str, Any] | list[dict[str, Any]]
    messages: int = 0


@dataclass
class FileMetadata:
    """File of a bag; start and duration in ns."""

    name: str
    start_ns: int
    duration_ns: int
    messages: int

    def to_dict(self) -> dict[str, Any]:
        """Return the entry in the list ``files`` of ``metadata.yaml``."""
        return {'path': self.name, **_times(self.start_ns, self.duration_ns, self.messages)}


def _times(start_ns: int, duration_ns: int, messages: int) -> dict[str, Any]:
    return {
        'starting_time': {'nanoseconds_since_epoch': start_ns},
        'duration': {'nanoseconds': duration_ns},
        'message_count': messages,
    }


@dataclass
class BagMetadata:
    """Content of ``metadata.yaml`` of a bag of MCAP files; start and duration in ns.

    Attributes
    ----------
    file : str
        Name of the file of a bag with a single file.
    files : sequence of FileMetadata
        Files of a bag with several files; ``file`` is ignored then.
    """

    file: str
    topics: Sequence[TopicMetadata]
    start_ns: int
    duration_ns: int
    custom_data: dict[str, str]
    files: Sequence[FileMetadata] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the value of ``rosbag2_bagfile_information``."""
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
        """Replace ``metadata.yaml`` atomically.

        Parameters
        ----------
        folder : Path
            Folder of the bag.
        sync : bool
            Synchronize with the disk, so that the replacement also survives a power cut; may take
            seconds.
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
