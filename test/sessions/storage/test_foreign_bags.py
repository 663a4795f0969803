"""Bags of other recorders: compressed, split, without definitions, with unknown topics."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from support.bags import EMG, LABEL, START_NS, STORE, fill_mcap, header, label, protocol, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.library import list_sessions
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.windows import iter_aligned_windows, iter_windows

CUES = [(0, 'rest', 1.0), (1, 'fist', 1.0)]
ITEMS = protocol(CUES)
WINDOWS = 34
JOINTS = 'sensor_msgs/msg/JointState'

ALIEN = get_typestore(Stores.EMPTY)
ALIEN.register(get_types_from_msg('int32 x\n', 'alien_msgs/msg/Foo'))


def record(path, plugin, compression=None, *, alien=False, items=ITEMS, version=9):
    """Write a bag as `ros2 bag record` would."""
    writer = Writer(path, version=version, storage_plugin=plugin)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        topics = {
            topic: writer.add_connection(topic, msgtype, typestore=STORE)
            for topic, msgtype in (('/emg', EMG), ('/label', LABEL))
        }
        if alien:
            writer.add_connection('/alien', 'alien_msgs/msg/Foo', typestore=ALIEN)
        for topic, data, time_ns in items:
            writer.write(topics[topic], time_ns, data)
    return path


def count_windows(path):
    return sum(1 for _ in iter_windows([path], 'emg', 200.0, 50.0))


@pytest.mark.parametrize(
    ('plugin', 'compression'),
    [
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.MCAP, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_compressed_bag_gives_windows(tmp_path, plugin, compression):
    assert count_windows(record(tmp_path / 'bag', plugin, compression)) == WINDOWS


def split(path, plugin, compression=None, version=9, parts=12):
    """Write a bag of several files as `ros2 bag record --max-bag-duration` would."""
    path.mkdir()
    step = -(-len(ITEMS) // parts)
    merged = None
    for number in range(parts):
        part = path.parent / f'{path.name}_part{number}'
        record(
            part,
            plugin,
            compression,
            items=ITEMS[number * step : (number + 1) * step],
            version=version,
        )
        content = yaml.safe_load((part / 'metadata.yaml').read_text())
        information = content['rosbag2_bagfile_information']
        (old,) = information['relative_file_paths']
        new = f'{path.name}_{number}{"".join(Path(old).suffixes)}'
        (part / old).rename(path / new)
        information['relative_file_paths'] = [new]
        for file in information['files']:
            file['path'] = new
        if merged is None:
            merged = content
            continue
        total = merged['rosbag2_bagfile_information']
        for field in ('relative_file_paths', 'files'):
            total[field] += information[field]
        total['message_count'] += information['message_count']
        start_ns = total['starting_time']['nanoseconds_since_epoch']
        total['duration']['nanoseconds'] = (
            information['starting_time']['nanoseconds_since_epoch']
            + information['duration']['nanoseconds']
            - start_ns
        )
        for known, found in zip(
            total['topics_with_message_count'],
            information['topics_with_message_count'],
            strict=True,
        ):
            known['message_count'] += found['message_count']
    (path / 'metadata.yaml').write_text(yaml.safe_dump(merged))
    return path


@pytest.mark.parametrize(
    ('plugin', 'compression'),
    [
        (StoragePlugin.MCAP, None),
        (StoragePlugin.MCAP, CompressionMode.FILE),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.SQLITE3, None),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_bag_of_several_files_gives_windows(tmp_path, plugin, compression):
    path = split(tmp_path / 'bag', plugin, compression)
    assert len(list(path.iterdir())) == 12 + 1
    samples = np.concatenate([chunk.data for chunk in Session(path).chunks('emg')])
    assert samples[:, 0].tolist() == list(range(4000))  # in order: 10 comes after 9
    assert count_windows(path) == WINDOWS


def test_files_of_a_truncated_bag_are_read_in_order(tmp_path):
    path = split(tmp_path / 'bag', StoragePlugin.MCAP)
    (path / 'metadata.yaml').unlink()
    assert count_windows(path) == WINDOWS


def test_truncated_bag_of_compressed_files_is_rejected(tmp_path):
    path = split(tmp_path / 'bag', StoragePlugin.MCAP, CompressionMode.FILE)
    whole = split(tmp_path / 'whole', StoragePlugin.MCAP)
    (path / 'bag_11.mcap.zstd').unlink()  # rosbag2 compresses a file when the next one is opened
    (whole / 'whole_11.mcap').rename(path / 'bag_11.mcap')
    (path / 'metadata.yaml').unlink()
    with pytest.raises(SessionError, match=r'compressed \(bag_0\.mcap\.zstd.*zstd -d'):
        Session(path)


@pytest.mark.parametrize(
    'compression', [CompressionType.NONE, CompressionType.LZ4, CompressionType.ZSTD]
)
@pytest.mark.parametrize('truncated', [False, True])
def test_compressed_chunks_give_windows(tmp_path, compression, truncated):
    """Compression of the presets fastwrite, zstd_fast and zstd_small of rosbag2, and LZ4."""
    path = tmp_path / 'bag.mcap'
    with path.open('wb') as stream:
        writer = McapWriter(stream, chunk_size=20_000, compression=compression)
        writer.start('ros2')
        fill_mcap(writer, ITEMS)
    if truncated:
        path.write_bytes(path.read_bytes()[:-400])
    assert count_windows(path) == WINDOWS


QOS_OF_HUMBLE = """- history: 1
  depth: 10
  reliability: 1
  durability: 2
  deadline: {sec: 9223372036, nsec: 854775807}
  lifespan: {sec: 9223372036, nsec: 854775807}
  liveliness: 1
  liveliness_lease_duration: {sec: 9223372036, nsec: 854775807}
  avoid_ros_namespace_conventions: false"""


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize('version', [4, 5, 6, 7, 8])
def test_metadata_of_older_releases_is_supported(tmp_path, plugin, version):
    """Humble writes version 5, Iron 6 to 8: no custom data, no distribution, QoS as text."""
    path = record(tmp_path / 'bag', plugin)
    content = yaml.safe_load((path / 'metadata.yaml').read_text())
    information = content['rosbag2_bagfile_information']
    information['version'] = version
    later = {5: 'files', 6: 'custom_data', 8: 'ros_distro'}
    for since, name in later.items():
        if version < since:
            del information[name]
    for topic in information['topics_with_message_count']:
        topic['topic_metadata']['offered_qos_profiles'] = QOS_OF_HUMBLE
        if version < 7:
            del topic['topic_metadata']['type_description_hash']
    (path / 'metadata.yaml').write_text(yaml.safe_dump(content))
    assert count_windows(path) == WINDOWS
    assert Session(path).bag.complete


def test_bag_without_definitions_uses_the_installed_ones(tmp_path):
    path = record(tmp_path / 'old', StoragePlugin.SQLITE3, alien=True)
    database = sqlite3.connect(next(path.glob('*.db3')))
    database.execute('delete from message_definitions')
    database.commit()
    database.close()
    assert count_windows(path) == WINDOWS


def test_database_without_metadata_gives_windows(tmp_path):
    path = record(tmp_path / 'bag', StoragePlugin.SQLITE3)
    (path / 'metadata.yaml').unlink()
    assert count_windows(path) == WINDOWS
    (path / 'another.db3').write_bytes(b'')
    with pytest.raises(SessionError, match='ros2 bag reindex'):
        Session(path)


@pytest.mark.parametrize(
    ('encoding', 'definition'),
    [
        ('ros2idl', b'module alien_msgs { module msg { struct Foo { long x; }; }; };'),
        ('ros2msg', b'%%% what is this'),
        ('protobuf', b'\xff\xfe\x00\x81'),
        ('', b''),
    ],
)
def test_topics_of_unknown_types_are_ignored(tmp_path, encoding, definition):
    path = tmp_path / 'bag.mcap'
    with path.open('wb') as stream:
        writer = McapWriter(stream)
        writer.start('ros2')
        alien = writer.register_schema('alien_msgs/msg/Foo', encoding, definition)
        writer.register_channel('/alien', 'cdr', alien)
        fill_mcap(writer, ITEMS)
    assert count_windows(path) == WINDOWS


@pytest.mark.parametrize('content', ['[1]', 'abc', '{myogestic_ros.subject: null}', 'null'])
def test_malformed_custom_data_does_not_hide_a_session(tmp_path, content):
    path = write(tmp_path / 's', ITEMS)
    text = (path / 'metadata.yaml').read_text().partition('  custom_data:')[0]
    (path / 'metadata.yaml').write_text(f'{text}  custom_data: {content}\n')
    assert [summary.path for summary in list_sessions(tmp_path)] == [path]
    assert Session(path).info.subject == ''
    assert count_windows(path) == WINDOWS


def glove(path, at_s, values):
    """Write a bag with EMG and joint states of a glove at the given times, s."""
    make = STORE.types[JOINTS]
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        emg = writer.add_connection('/emg', EMG, typestore=STORE)
        joints = writer.add_connection('/hand/glove', JOINTS, typestore=STORE)
        items = [(time_ns, emg, data) for topic, data, time_ns in ITEMS if topic == '/emg']
        for second, value in zip(at_s, values, strict=True):
            time_ns = START_NS + round(second * 1e9)
            position = np.array([value, -value])
            message = make(header(time_ns), ['a', 'b'], position, np.empty(0), np.empty(0))
            items.append((time_ns, joints, bytes(STORE.serialize_cdr(message, JOINTS))))
        for time_ns, connection, data in sorted(items, key=lambda item: item[0]):
            writer.write(connection, time_ns, data)
    return path


def test_rate_of_joint_states_is_estimated_from_stamps(tmp_path):
    at_s = np.arange(0, 2, 1 / 60)
    path = glove(tmp_path / 'bag', at_s, at_s)
    chunks = list(Session(path).chunks('glove'))
    assert [chunk.first_sample for chunk in chunks] == list(range(len(at_s)))
    assert chunks[0].sampling_rate == pytest.approx(60.0, rel=1e-3)
    assert next(Session(path).chunks('glove', 50.0)).sampling_rate == 50.0
    rows = list(iter_aligned_windows([path], 'emg', ['glove'], 200.0, 50.0, with_names=True))
    assert len(rows) == 37
    for window, aligned, times_s in rows:
        midpoint_s = times_s.mean() - START_NS * 1e-9
        assert aligned['glove'] == pytest.approx({'a': midpoint_s, 'b': -midpoint_s}, abs=1 / 60)
        assert window.shape == (2, 400)


def test_windows_without_joint_states_are_skipped(tmp_path):
    at_s = np.concatenate([np.arange(0, 0.5, 0.01), np.arange(1.5, 2, 0.01)])
    path = glove(tmp_path / 'bag', at_s, at_s)
    midpoints = [
        times_s.mean() - START_NS * 1e-9
        for _, _, times_s in iter_aligned_windows([path], 'emg', ['glove'], 200.0, 50.0)
    ]
    assert midpoints
    assert not any(0.61 < midpoint < 1.39 for midpoint in midpoints)


def test_target_stream_without_samples_raises_an_error(tmp_path):
    path = glove(tmp_path / 'bag', [], [])
    with pytest.raises(SessionError, match="Stream 'glove' of session .* has no samples"):
        next(iter_aligned_windows([path], 'emg', ['glove'], 200.0, 50.0))


def test_numbering_of_repetitions_skips_existing_numbers(tmp_path):
    stamps = [START_NS + second * 10**9 for second in range(5)]
    numbers = [0, -1, 4, -1, -1]
    items = []
    for stamp_ns, number in zip(stamps, numbers, strict=True):
        items += [('/label', label(1, 'fist', stamp_ns, number), stamp_ns)]
        items += [('/label', label(-1, '', stamp_ns + 10**8), stamp_ns + 10**8)]
    labels = Session(write(tmp_path / 's', items)).labels()
    assert [found.repetition for found in labels if found.index == 1] == [0, 1, 4, 5, 6]
