"""The parameters of the recorder node."""

from __future__ import annotations

from myogestic_ros.core.file_access import FILE_ACCESS
from myogestic_ros.core.parameters import Parameter

__all__ = ['DEFAULT_TOPICS', 'RECORDER']

DEFAULT_TOPICS = (
    'target:sensor_msgs/msg/JointState',
    'cues/progress:myogestic_ros/msg/CueProgress',
)
"""Default of ``other_topics``: the topics of the cues node."""

RECORDER = (
    Parameter(
        'session_dir',
        'sessions',
        'Folder of the recorded sessions.',
        used_at='activation',
    ),
    FILE_ACCESS,
    Parameter(
        'session_name',
        '',
        'Name of the next session; empty: date and time. Sessions are never overwritten.',
        used_at='activation',
    ),
    Parameter(
        'emg_topics',
        ['emg'],
        'EmgFrame topics to record, each with its topic <name>/info.',
        used_at='configure',
    ),
    Parameter(
        'label_topic',
        'label',
        'Topic of the labels.',
        used_at='configure',
    ),
    Parameter(
        'other_topics',
        list(DEFAULT_TOPICS),
        "Further topics to record, each as 'topic:package/msg/Type'; ['']: none.",
        used_at='configure',
    ),
    Parameter(
        'discovery_timeout',
        4.0,
        'Longest time after the start to wait for publishers of the topics to record, s; no '
        'service responds until then.',
        minimum=0.0,
        maximum=60.0,
        read_only=True,
    ),
    Parameter(
        'class_names',
        [''],
        "Class names accepted by set_label; ['']: any name, numbered in order of use.",
        used_at='activation',
    ),
    Parameter(
        'subject',
        '',
        'Name or code of the subject, stored in the session.',
        used_at='activation',
    ),
    Parameter(
        'protocol',
        '',
        'Name of the protocol, stored in the session.',
        used_at='activation',
    ),
    Parameter(
        'device',
        '',
        'Name of the recording device, stored in the session.',
        used_at='activation',
    ),
    Parameter(
        'queue_mib',
        256,
        'Size of the write queue, MiB; messages that do not fit are dropped and counted.',
        minimum=1,
        maximum=16384,
        used_at='activation',
    ),
    Parameter(
        'flush_interval',
        0.25,
        'Time between two flushes to the operating system, s.',
        minimum=0.01,
        maximum=0.5,
        used_at='activation',
    ),
    Parameter(
        'sync_interval',
        0.25,
        'Time between two syncs to the disk, s; 0: left to the operating system.',
        minimum=0.0,
        maximum=10.0,
        used_at='activation',
    ),
)
