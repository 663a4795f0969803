"""Other libraries read sessions, also without the message definitions of this package."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from support.bags import START_NS, protocol, topics, write

from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.repair import repair_session
from myogestic_ros.sessions.recording.session_recorder import SessionRecorder
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sources.importers.importer import import_recording

CUES = [(0, 'rest', 0.5), (1, 'fist', 0.5)]
ITEMS = protocol(CUES, channels=3)
NAMES = ('rest', 'fist')


def written(path):
    return write(path, ITEMS, NAMES)


def recorded(path):
    recording = SessionRecorder(path, SessionInfo(class_names=NAMES), topics())
    for topic, data, time_ns in ITEMS:
        recording.put(topic, data, time_ns)
    recording.stop()
    return path


def repaired(path):
    write(path, ITEMS, NAMES)
    file = next(path.glob('*.mcap'))
    content = file.read_bytes()
    file.write_bytes(content[: len(content) - 700])
    (path / 'metadata.yaml').unlink()
    repair_session(path)
    return path


def imported(path):
    rows = [f'{n},{n + 0.5},{-n},{n // 500}' for n in range(1000)]
    file = path.with_suffix('.csv')
    file.write_text('\n'.join(rows))
    import_recording(file, path, '', {'sampling_rate': 2000.0, 'class_names': list(NAMES)})
    return path


KINDS = pytest.mark.parametrize('make', [written, recorded, repaired, imported])


def expected(path):
    """Return samples and labels (time, index, name) found by the reader of this package."""
    session = Session(path)
    data = np.concatenate([chunk.data for chunk in session.chunks('emg')])
    return data, [(label.stamp_ns, label.index, label.name) for label in session.labels()]


def decoded_content(messages):
    """Return samples and labels of decoded messages (topic, message)."""
    frames, labels = [], []
    for topic, message in messages:
        if topic == '/emg':
            frames.append(np.asarray(message.data, np.float32).reshape(-1, message.channels))
        elif topic == '/label':
            stamp = message.header.stamp
            stamp_ns = stamp.sec * 10**9 + stamp.nanosec
            labels.append((stamp_ns, message.index, message.name))
    return np.concatenate(frames), labels


def compare(path, messages):
    """Assert that another reader finds the same content as this package."""
    data, labels = decoded_content(messages)
    own_data, own_labels = expected(path)
    np.testing.assert_array_equal(data, own_data)
    assert labels == own_labels
    assert len(labels) >= 2


@KINDS
def test_mcap_library_reads_the_session(tmp_path, make):
    path = make(tmp_path / 's')
    with next(path.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        assert summary is not None
        assert {channel.topic for channel in summary.channels.values()} >= {'/emg', '/label'}
        decoded = [(c.topic, m) for _, c, _, m in reader.iter_decoded_messages()]
        assert summary.statistics.message_count == len(decoded)
        compare(path, decoded)


@KINDS
def test_rosbags_reads_the_session_with_embedded_definitions(tmp_path, make):
    path = make(tmp_path / 's')
    store = get_typestore(Stores.EMPTY)
    with Reader(path) as reader:
        for connection in reader.connections:
            store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
            digest = store.hash_rihs01(connection.msgtype)
            assert connection.digest == digest
        messages = [
            (c.topic, store.deserialize_cdr(data, c.msgtype)) for c, _, data in reader.messages()
        ]
        assert reader.message_count == len(messages)
    compare(path, messages)
    with AnyReader([path]) as reader:
        compare(
            path, [(c.topic, reader.deserialize(d, c.msgtype)) for c, _, d in reader.messages()]
        )


def test_process_without_this_package_reads_the_session(tmp_path):
    """Read the session in a process that can import neither this package nor its messages."""
    path = written(tmp_path / 's')
    code = (
        'import sys; sys.modules["myogestic_ros"] = None\n'
        'from mcap.reader import make_reader; from mcap_ros2.decoder import DecoderFactory\n'
        'reader = make_reader(open(sys.argv[1], "rb"), decoder_factories=[DecoderFactory()])\n'
        'print(sum(1 for _ in reader.iter_decoded_messages()))\n'
    )
    file = str(next(path.glob('*.mcap')))
    environment = {'PATH': '/usr/bin:/bin', '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1'}
    done = subprocess.run(
        [sys.executable, '-c', code, file],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(len(ITEMS))], done.stderr


TOP = {
    'version': int,
    'storage_identifier': str,
    'duration': dict,
    'starting_time': dict,
    'message_count': int,
    'topics_with_message_count': list,
    'compression_format': str,
    'compression_mode': str,
    'relative_file_paths': list,
    'files': list,
    'custom_data': dict,
    'ros_distro': str,
}
"""Fields of version 9 and their types, as read by rosbag2 (yaml.hpp, Jazzy and newer)."""

QOS = set(STREAM)
POLICIES = {
    'history': {'keep_last', 'keep_all', 'system_default', 'unknown'},
    'reliability': {'reliable', 'best_effort', 'system_default', 'unknown'},
    'durability': {'volatile', 'transient_local', 'system_default', 'unknown'},
    'liveliness': {'automatic', 'manual_by_topic', 'system_default', 'unknown'},
}


@KINDS
def test_metadata_has_version_9(tmp_path, make):
    path = make(tmp_path / 's')
    content = yaml.safe_load((path / 'metadata.yaml').read_text())
    assert set(content) == {'rosbag2_bagfile_information'}
    information = content['rosbag2_bagfile_information']
    assert {name: type(value) for name, value in information.items()} == TOP
    assert information['version'] == 9
    assert information['storage_identifier'] == 'mcap'
    assert all(
        isinstance(key, str) and isinstance(value, str)
        for key, value in information['custom_data'].items()
    )
    for file in information['files']:
        assert set(file) == {'path', 'starting_time', 'duration', 'message_count'}
        assert (path / file['path']).is_file()
    assert [f['path'] for f in information['files']] == information['relative_file_paths']
    assert sum(f['message_count'] for f in information['files']) == information['message_count']
    counted = 0
    for entry in information['topics_with_message_count']:
        assert set(entry) == {'topic_metadata', 'message_count'}
        counted += entry['message_count']
        topic = entry['topic_metadata']
        assert set(topic) == {
            *('name', 'type', 'serialization_format', 'offered_qos_profiles'),
            'type_description_hash',
        }
        assert topic['serialization_format'] == 'cdr'
        assert topic['type_description_hash'].startswith('RIHS01_')
        for profile in topic['offered_qos_profiles']:
            assert set(profile) == QOS
            for policy, known in POLICIES.items():
                assert profile[policy] in known
            for policy in ('deadline', 'lifespan', 'liveliness_lease_duration'):
                assert profile[policy] == {'sec': 9223372036, 'nsec': 854775807}  # infinite
            latched = profile['durability'] == 'transient_local'
            assert latched == (topic['name'] != '/emg')
    assert counted == information['message_count']


@KINDS
def test_file_without_metadata_has_the_information_for_rosbag2(tmp_path, make):
    """`ros2 bag info FILE.mcap` and `ros2 bag play` need it when metadata.yaml is missing."""
    path = make(tmp_path / 's')
    with next(path.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream)
        header = reader.get_header()
        summary = reader.get_summary()
        records = {metadata.name: metadata.metadata for metadata in reader.iter_metadata()}
    assert header.profile == 'ros2'
    assert summary is not None
    assert {schema.encoding for schema in summary.schemas.values()} == {'ros2msg'}
    for channel in summary.channels.values():
        assert channel.message_encoding == 'cdr'
        (profile,) = yaml.safe_load(channel.metadata['offered_qos_profiles'])
        assert profile == (STREAM if channel.topic == '/emg' else LATCHED)
        assert channel.metadata['topic_type_hash'].startswith('RIHS01_')
    if make is not repaired:
        noted = yaml.safe_load(records['rosbag2']['serialized_metadata'])
        assert {name: type(value) for name, value in noted.items()} == TOP
        assert noted['starting_time']['nanoseconds_since_epoch'] >= START_NS
