"""Export as NPZ and CSV, and import of the same files without loss."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from support.bags import START_NS, frame, label, protocol, topics, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import StreamInfo
from myogestic_ros.sessions.exchange.content import read_content, write_content
from myogestic_ros.sessions.exchange.encoder import Encoder
from myogestic_ros.sessions.exchange.export import export_session
from myogestic_ros.sessions.exchange.tables import read_csv, read_npz
from myogestic_ros.sessions.quality.statistics import session_statistics
from myogestic_ros.sessions.reading.reader import STREAM_INFO, Session
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

READERS = {'.npz': read_npz, '.csv': read_csv}


@pytest.fixture
def session(tmp_path):
    """Session with unusual content.

    Samples with nine significant digits, a lost frame, frames of varying length, jitter of the log
    times, a label stamped before the start of the recording, and non-ASCII names.
    """
    generator = np.random.default_rng(7)
    infos = Topic('/arm/emg/info', message_definition(STREAM_INFO), LATCHED)
    own = [infos, *(Topic(f'/arm{t.name}', t.definition, t.qos) for t in topics())]
    info = SessionInfo(('Ruhe', 'Faust "fest"', 'öffnen'), subject='S1', extra={'note': 'a, b: c'})
    stream = StreamInfo('emg', 2000.0, ('Ä, 1', 'B'), 'amp', '007', 'V', (1, 2), (1, 0))
    stream_info = Encoder().info(stream, START_NS - 3, 'forearm')
    items = [('/arm/emg/info', stream_info, START_NS - 2)]
    items.append(('/arm/label', label(1, 'Faust "fest"', START_NS - 10**9, 4), START_NS - 1))
    first = 0
    for number in range(30):
        length = int(generator.integers(1, 40))
        if number != 11:
            data = generator.standard_normal((length, 2)) * 10.0 ** generator.integers(-9, -2)
            raw, stamp_ns = frame(first, data)
            items.append(('/arm/emg', raw, stamp_ns + 10**6 + int(generator.integers(1, 10**5))))
        first += length
    middle_ns = START_NS + 100_000_001
    items.append(('/arm/label', label(2, 'öffnen', middle_ns), middle_ns + 5_000_000))
    with SessionWriter(tmp_path / 'live', info, own) as writer:
        for topic, data, time_ns in sorted(items, key=lambda item: item[2]):
            writer.write(topic, data, time_ns)
    return Session(tmp_path / 'live')


def messages(session):
    """Return all messages of a session with their log times."""
    return list(session.bag.messages(list(session.bag.topics)))


@pytest.mark.parametrize('ending', ['.npz', '.csv'])
def test_export_and_import_preserve_all_messages(tmp_path, session, ending):
    file = tmp_path / f'table{ending}'
    export_session(session, file)
    again = Session(write_content(READERS[ending](file), tmp_path / 'again'))
    assert messages(again) == messages(session)
    assert again.info == session.info
    assert again.bag.topics == session.bag.topics
    second = tmp_path / f'second{ending}'
    export_session(again, second)
    assert second.read_bytes() == file.read_bytes()


@pytest.mark.parametrize('ending', ['.npz', '.csv'])
def test_label_columns_end_after_the_planned_duration(tmp_path, ending):
    rest_ns = START_NS + 2 * 10**9
    items = [item for item in protocol([(0, 'rest', 3.0)]) if item[0] == '/emg']
    items.append(('/label', label(1, 'fist', START_NS, 0, 0.5), START_NS))
    items.append(('/label', label(0, 'rest', rest_ns, 0), rest_ns))
    items.sort(key=lambda item: (item[2], item[0] == '/emg'))
    session = Session(write(tmp_path / 's', items))
    export_session(session, tmp_path / f'a{ending}')
    content = READERS[ending](tmp_path / f'a{ending}')
    assert messages(Session(write_content(content, tmp_path / 'b'))) == messages(session)
    assert content.labels()[0].tolist() == [1] * 1000 + [-1] * 3000 + [0] * 2000
    (fist,) = session_statistics(session).class_spans()[1, 'fist']
    assert (fist.n_samples, fist.end_s) == (1000, 0.5)


def test_npz_arrays_have_the_documented_content(tmp_path, session):
    export_session(session, tmp_path / 'a.npz')
    arrays = np.load(tmp_path / 'a.npz')
    n_samples = len(arrays['emg'])
    assert arrays['emg'].dtype == np.float32
    assert arrays['labels'].shape == arrays['repetitions'].shape == (n_samples,)
    assert set(arrays['labels'].tolist()) == {1, 2}
    assert arrays['repetitions'][0] == 4
    assert arrays['class_names'].tolist() == ['Ruhe', 'Faust "fest"', 'öffnen']
    assert arrays['channel_names'].tolist() == ['Ä, 1', 'B']
    jumps = np.flatnonzero(np.diff(arrays['sample_indices']) != 1)
    assert len(jumps) == 1
    steps = np.diff(arrays['times_s'])
    assert np.allclose(np.delete(steps, jumps), 1 / arrays['sampling_rate'])


def test_export_does_not_overwrite_files(tmp_path, session):
    for name in ('a.npz', 'a.csv', 'b.yaml'):
        (tmp_path / name).write_text('existing')
    for name in ('a.npz', 'a.csv', 'b.csv'):
        with pytest.raises(SessionError, match='exists already and is not overwritten'):
            export_session(session, tmp_path / name)
    assert {(tmp_path / n).read_text() for n in ('a.npz', 'a.csv', 'b.yaml')} == {'existing'}
    assert not (tmp_path / 'b.csv').exists()
    content = read_content(session, 'emg')
    with pytest.raises(SessionError, match='exists already'):
        write_content(content, session.path)
    assert messages(session)


def test_export_rejects_an_unknown_suffix(tmp_path, session):
    with pytest.raises(SessionError, match=r"has the suffix '\.parquet', expected \.npz or \.csv"):
        export_session(session, tmp_path / 'a.parquet')


def test_export_preserves_non_finite_samples(tmp_path):
    data = np.array([[np.nan, 1.0], [np.inf, -np.inf]])
    raw, time_ns = frame(0, data)
    session = Session(write(tmp_path / 's', [('/emg', raw, time_ns)]))
    for ending in READERS:
        file = tmp_path / f't{ending}'
        export_session(session, file)
        np.testing.assert_array_equal(READERS[ending](file).data, data.astype(np.float32))


def change_csv(file, line, column, value):
    """Replace a value of a CSV file."""
    lines = file.read_text().splitlines()
    cells = lines[line - 1].split(',')
    cells[column] = value
    lines[line - 1] = ','.join(cells)
    file.write_text('\n'.join(lines) + '\n')


def test_import_rejects_changed_labels(tmp_path):
    session = Session(write(tmp_path / 's', protocol([(0, 'rest', 0.1), (1, 'fist', 0.1)])))
    export_session(session, tmp_path / 'a.csv')
    change_csv(tmp_path / 'a.csv', 7, -4, '1')
    with pytest.raises(SessionError, match=r"a\.csv, line 7: label is 1, expected 0 .*'session'"):
        read_csv(tmp_path / 'a.csv')
    export_session(session, tmp_path / 'a.npz')
    arrays = dict(np.load(tmp_path / 'a.npz'))
    arrays['repetitions'][5] = 9
    np.savez(tmp_path / 'b.npz', **arrays)
    with pytest.raises(SessionError, match=r'b\.npz, sample 5: repetition is 9, expected -1'):
        read_npz(tmp_path / 'b.npz')


def test_import_reports_the_position_of_a_missing_line(tmp_path):
    session = Session(write(tmp_path / 's', protocol([(0, 'rest', 0.1)])))
    export_session(session, tmp_path / 'a.csv')
    lines = (tmp_path / 'a.csv').read_text().splitlines()
    del lines[9]
    (tmp_path / 'a.csv').write_text('\n'.join(lines))
    with pytest.raises(SessionError, match=r'a\.csv, line 10: sample is 9, expected 8'):
        read_csv(tmp_path / 'a.csv')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda d: d.update(version=99), 'version 99 of the export format, expected 1'),
        (lambda d: d.pop('labels'), "The section 'session' of .* is malformed"),
        (lambda d: d['stream'].update(channel_names=['one']), 'one column for each channel'),
    ],
)
def test_import_rejects_malformed_metadata(tmp_path, change, message):
    session = Session(write(tmp_path / 's', protocol([(0, 'rest', 0.1)])))
    export_session(session, tmp_path / 'a.npz')
    arrays = dict(np.load(tmp_path / 'a.npz'))
    metadata = json.loads(str(arrays['session']))
    change(metadata)
    arrays['session'] = np.array(json.dumps(metadata))
    np.savez(tmp_path / 'b.npz', **arrays)
    with pytest.raises(SessionError, match=message):
        read_npz(tmp_path / 'b.npz')


def test_export_rejects_a_stream_with_a_varying_format(tmp_path):
    items = [('/emg', *frame(0, np.zeros((4, 2)))), ('/emg', *frame(4, np.zeros((4, 3))))]
    with pytest.raises(SessionError, match='changes: .*; expected one format'):
        export_session(Session(write(tmp_path / 's', items)), tmp_path / 'a.npz')


def test_export_rejects_malformed_messages(tmp_path):
    items = [('/emg', *frame(0, np.zeros((4, 2)))), ('/emg', b'\x00\x01\x00\x00', START_NS + 9)]
    with pytest.raises(SessionError, match='1 malformed messages on /emg, expected none'):
        export_session(Session(write(tmp_path / 's', items)), tmp_path / 'a.npz')


def test_csv_mapping_is_readable(tmp_path, session):
    export_session(session, tmp_path / 'a.csv')
    mapping = yaml.safe_load((tmp_path / 'a.yaml').read_text())
    assert mapping['sampling_rate'] == 2000.0
    assert mapping['channel_names'] == ['Ä, 1', 'B']
    assert (tmp_path / 'a.csv').read_text().splitlines()[0] == (
        'time_s,sample,Ä  1,B,label,repetition,frame,recorded_s'
    )
