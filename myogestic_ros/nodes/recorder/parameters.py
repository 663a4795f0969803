"""The parameters of the recorder node."""

from __future__ import annotations

from myogestic_ros.core.parameters import Parameter

__all__ = ['BY_DEFAULT', 'RECORDER']

BY_DEFAULT = ('target:sensor_msgs/msg/JointState', 'cues/progress:myogestic_ros/msg/CueProgress')
"""What is recorded beside EMG and labels where nobody says anything else: what cues say."""

RECORDER = (
    Parameter('session_dir', 'sessions', 'Folder in which sessions are recorded.'),
    Parameter(
        'session_name', '', 'Name of the next session; empty: date and time. Never overwrites.'
    ),
    Parameter('emg_topics', ['emg'], 'Topics of EmgFrame to record, each with its info.'),
    Parameter('label_topic', 'label', 'Topic of the labels.'),
    Parameter(
        'other_topics',
        list(BY_DEFAULT),
        "Further topics to record, each as 'topic:package/msg/Type'; ['']: none.",
    ),
    Parameter(
        'discovery_timeout',
        4.0,
        'How long it looks, when it has just started, for publishers of what it is to record, s; '
        'until then no service answers.',
        minimum=0.0,
        maximum=60.0,
        read_only=True,
    ),
    Parameter('class_names', [''], "Classes that set_label knows; ['']: any, in order of use."),
    Parameter('subject', '', 'Who is recorded; goes into the session.'),
    Parameter('protocol', '', 'After which plan; goes into the session.'),
    Parameter('device', '', 'With what; goes into the session.'),
    Parameter(
        'queue_mib', 256, 'Most data that may wait for the disk, MiB.', minimum=1, maximum=16384
    ),
    Parameter(
        'flush_interval',
        0.25,
        'How often what was written is handed to the operating system, s.',
        minimum=0.01,
        maximum=0.5,
    ),
    Parameter(
        'sync_interval',
        0.25,
        'How often that is brought onto the disk, s; 0: as the operating system likes.',
        minimum=0.0,
        maximum=10.0,
    ),
)
