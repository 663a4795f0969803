"""Compatibility of bags with other libraries: reading and writing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from support.bags import EMG, LABEL, START_NS, STORE, fill_mcap, frame, protocol, topics, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.sessions.reading.library import free_name, list_sessions, resolve_sessions
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.windows import iter_windows
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.writer import SessionWriter

CUES = [(0, 'rest', 1.0), (1, 'fist', 1.0)]
ITEMS = protocol(CUES)


@pytest.fixture
def session(tmp_path):
    return write(tmp_path / 's1', ITEMS, ('rest', 'fist'))


def test_mcap_library_reads_a_session(session):
    with next(session.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        names = {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()}
        assert names == {'/emg': EMG, '/label': LABEL}
        schema = next(s for s in summary.schemas.values() if s.name == EMG)
        assert schema.encoding == 'ros2msg'
        assert b'MSG: std_msgs/Header' in schema.data
        assert reader.get_header().profile == 'ros2'
        messages = [(c.topic, m.data, m.log_time) for _, c, m in reader.iter_messages()]
    assert sorted(messages) == sorted(ITEMS)


def test_rosbags_reads_a_session(session):
    with Reader(session) as reader:
        assert reader.message_count == len(ITEMS)
        assert reader.start_time == START_NS
        assert {c.topic: c.msgtype for c in reader.connections} == {'/emg': EMG, '/label': LABEL}
        assert all(c.digest == message_definition(c.msgtype).type_hash for c in reader.connections)
        found = [(c.topic, bytes(data), time) for c, time, data in reader.messages()]
        assert sorted(found) == sorted(ITEMS)
        message = STORE.deserialize_cdr(
            next(data for c, _, data in reader.messages() if c.topic == '/emg'), EMG
        )
    assert message.channels == 2
    assert len(message.data) == 40


def test_metadata_has_the_format_of_rosbag2(session):
    information = yaml.safe_load((session / 'metadata.yaml').read_text())[
        'rosbag2_bagfile_information'
    ]
    assert information['version'] == 9
    assert information['storage_identifier'] == 'mcap'
    assert information['message_count'] == len(ITEMS)
    assert information['relative_file_paths'] == ['s1_0.mcap']
    assert information['custom_data']['myogestic_ros.class_names'] == '["rest", "fist"]'


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_bag_of_rosbags_gives_windows(tmp_path, plugin):
    path = tmp_path / 'foreign'
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {
            f'/arm{t}': writer.add_connection(f'/arm{t}', m, typestore=STORE)
            for t, m in (('/emg', EMG), ('/label', LABEL))
        }
        for topic, data, time_ns in ITEMS:
            writer.write(connections[f'/arm{topic}'], time_ns, data)
    assert_gives_windows(path)


def test_file_of_the_mcap_library_gives_windows(tmp_path):
    path = tmp_path / 'foreign.mcap'
    with path.open('wb') as stream:
        writer = McapWriter(stream)
        writer.start('ros2')
        fill_mcap(writer, ITEMS)
    assert_gives_windows(path)


def assert_gives_windows(path):
    """Assert that a bag gives the same windows as a session of this package."""
    session = Session(path)
    assert [label.name for label in session.labels()] == ['rest', 'fist']
    windows = list(iter_windows([path], 'emg', 200.0, 50.0))
    assert [window.class_index for window in windows].count(1) == 17
    assert len(windows) == 34


def test_writer_does_not_overwrite_a_session(session):
    with pytest.raises(SessionError, match='exists already'):
        SessionWriter(session, Session(session).info, topics())
    assert free_name(session.parent, 's1') == 's1-2'


def test_truncated_session_is_readable_to_its_last_complete_chunk(tmp_path):
    writer = SessionWriter(tmp_path / 'whole', SessionInfo(), topics())
    sizes: list[int] = []  # size of the file after each flush
    file = next((tmp_path / 'whole').glob('*.mcap'))
    for count, item in enumerate(ITEMS, start=1):
        writer.write(*item)
        if count % 50 == 0:
            writer.flush()
            sizes.append(file.stat().st_size)
    content = file.read_bytes()
    for cut in (sizes[0], sizes[1] - 1, sizes[1], sizes[1] + 9, len(content)):
        path = tmp_path / f'cut at {cut}'
        shutil.copytree(tmp_path / 'whole', path)
        next(path.glob('*.mcap')).write_bytes(content[:cut])
        session = Session(path)
        assert not session.bag.complete
        assert not session.info.complete
        # The message index after each chunk is not needed: a missing byte in it loses no message.
        expected = 50 * sum(size <= cut + 1 for size in sizes)
        assert session.bag.message_count == expected
        assert sum(1 for _ in session.bag.messages(['/emg', '/label'])) == expected


def test_malformed_frames_are_skipped_and_counted(tmp_path):
    bad = [
        ('/emg', frame(0, np.zeros((20, 2)), channels=3)[0], START_NS + 1),
        ('/emg', b'\x00\x01\x00\x00malformed', START_NS + 2),
        ('/emg', frame(0, np.zeros((20, 2)), channels=4_000_000)[0], START_NS + 3),
    ]
    path = write(tmp_path / 's', ITEMS[:1] + bad + ITEMS[1:])
    session = Session(path)
    assert sum(1 for _ in session.chunks('emg')) == len(ITEMS) - 2
    assert session.malformed['/emg'] == 3


@pytest.mark.parametrize(
    ('make', 'match'),
    [
        (lambda path: None, 'There is no session'),
        (lambda path: path.mkdir(), 'is not a session'),
        (lambda path: path.write_text('malformed'), 'Cannot read'),
    ],
)
def test_session_rejects_paths_that_are_not_sessions(tmp_path, make, match):
    path = tmp_path / 'x'
    make(path)
    with pytest.raises(SessionError, match=match):
        Session(path)


def test_error_of_an_unknown_stream_lists_the_streams(session):
    with pytest.raises(SessionError, match="has no stream 'glove'; it has /emg"):
        list(Session(session).chunks('glove'))


def test_list_sessions_and_resolve_sessions(tmp_path, session):
    write(tmp_path / 's0', protocol([(0, 'rest', 0.5)]))
    (tmp_path / 'not one').mkdir()
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken' / 'metadata.yaml').write_text('{')
    assert {s.path.name for s in list_sessions(tmp_path)} == {'s0', 's1'}
    assert resolve_sessions(['s1'], tmp_path) == [session]
    assert resolve_sessions([str(session)], tmp_path / 'elsewhere') == [session]
    assert len(resolve_sessions([], tmp_path)) == 2
    with pytest.raises(SessionError, match="no session 'x' in .*available: s0, s1"):
        resolve_sessions(['x'], tmp_path)
