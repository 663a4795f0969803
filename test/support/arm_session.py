"""Session of a synthetic arm with EMG, an accelerometer and a data glove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from myogestic_ros.core.signals import Label
from myogestic_ros.sessions.storage.message_definitions import message_definition, typestore
from myogestic_ros.sources.synthetic import Synthetic
from support.bags import LABEL, START_NS, frame, header, label

EMG = 'myogestic_ros/msg/EmgFrame'
JOINTS = 'sensor_msgs/msg/JointState'
CLASSES = ('rest', 'fist', 'open')
STORE = typestore({kind: message_definition(kind).text for kind in (EMG, LABEL)})


class NoPacer:
    """Pacer that never waits."""

    def start(self):
        pass

    def wait_until(self, moment_s, timeout_s):
        return True


def write_arm(
    path: Path,
    *,
    cue_s: float = 1.2,
    rounds: int = 3,
    labels: bool = True,
    empty: tuple[str, ...] = (),
    dofs: tuple[str, str] = ('fingers', 'wrist'),
) -> Path:
    """Write a session with all classes in each round.

    Streams: EMG of 8 channels at 2 kHz, imu of 3 channels at 208 Hz, glove of 2 joints at 60 Hz.
    """
    items: list[tuple[int, str, bytes]] = []
    source = Synthetic({'class_names': list(CLASSES), 'reaction_time': 0.1}, NoPacer())
    source.open()
    make = STORE.types[JOINTS]
    rng = np.random.default_rng(0)
    bent = np.zeros(2)
    samples = imu = glove = 0
    for cue, name in enumerate(CLASSES * rounds):
        start_ns = START_NS + round(cue * cue_s * 1e9)
        index = CLASSES.index(name)
        source.set_label(Label(start_ns, index, name))
        if labels:
            items.append((start_ns, '/label', label(index, name, start_ns)))
        end_s = (cue + 1) * cue_s
        while samples < end_s * 2000:
            chunk = source.read(1.0)
            data, at_ns = frame(samples, chunk.data)
            items.append((at_ns, '/emg', data))
            samples += chunk.n_samples
        while imu < end_s * 208:  # the direction of gravity depends on the gesture
            down = [np.sin(0.2 * index), 0.0, np.cos(0.2 * index)]
            data, at_ns = frame(imu, np.tile(down, (4, 1)) + rng.normal(0, 0.05, (4, 3)), 208.0)
            items.append((at_ns, '/imu', data))
            imu += 4
        while glove < end_s * 60:
            at_ns = START_NS + round(glove / 60 * 1e9)
            bent += 0.1 * (np.array([index == 1, index == 2]) - bent)
            message = make(header(at_ns), list(dofs), bent.copy(), np.empty(0), np.empty(0))
            items.append((at_ns, '/glove', bytes(STORE.serialize_cdr(message, JOINTS))))
            glove += 1
    types = {'/emg': EMG, '/imu': EMG, '/glove': JOINTS, '/label': LABEL}
    types |= dict.fromkeys(empty, JOINTS)  # topics without messages
    path.parent.mkdir(parents=True, exist_ok=True)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics: dict[str, Any] = {
            topic: writer.add_connection(topic, kind, typestore=STORE)
            for topic, kind in types.items()
        }
        for at_ns, topic, data in sorted(items, key=lambda item: item[0]):
            writer.write(topics[topic], at_ns, data)
    return path
