"""Sessions as tables: what is exported can be imported again, message for message."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from support.bags import START_NS, frame, label, protocol, topics, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import StreamInfo
from myogestic_ros.sessions.exchange.content import content_of, write_content
from myogestic_ros.sessions.exchange.encoder import Encoder
from myogestic_ros.sessions.exchange.export import export_session
from myogestic_ros.sessions.exchange.tables import content_of_csv, content_of_npz
from myogestic_ros.sessions.quality.statistics import survey
from myogestic_ros.sessions.reading.reader import STREAM_INFO, Session
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

READERS = {'.npz': content_of_npz, '.csv': content_of_csv}


@pytest.fixture
def session(tmp_path):
    """A session as awkward as they come.

    Samples that need all nine digits, a lost frame, frames of any length, stamps that jitter,
    messages recorded late, a label from before the beginning, names that are not ASCII.
    """
    generator = np.random.default_rng(7)
    infos = Topic('/arm/emg/info', message_definition(STREAM_INFO), LATCHED)
    own = [infos, *(Topic(f'/arm{t.name}', t.definition, t.qos) for t in topics())]
    info = SessionInfo(('Ruhe', 'Faust "fest"', 'öffnen'), subject='S1', extra={'note': 'a, b: c'})
    stream = StreamInfo('emg', 2000.0, ('Ä, 1', 'B'), 'amp', '007', 'V', (1, 2))
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
    """Return all messages of a session, with the times of their recording."""
    return list(session.bag.messages(list(session.bag.topics)))


@pytest.mark.parametrize('ending', ['.npz', '.csv'])
def test_what_is_exported_is_imported_message_for_message(tmp_path, session, ending):
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
def test_a_planned_label_ends_by_itself(tmp_path, ending):
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
    (fist,) = survey(session).class_spans()[1, 'fist']
    assert (fist.n_samples, fist.end_s) == (1000, 0.5)


def test_the_arrays_say_what_they_hold(tmp_path, session):
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


def test_nothing_is_overwritten(tmp_path, session):
    for name in ('a.npz', 'a.csv', 'b.yaml'):
        (tmp_path / name).write_text('precious')
    for name in ('a.npz', 'a.csv', 'b.csv'):
        with pytest.raises(SessionError, match='exists already; nothing is overwritten'):
            export_session(session, tmp_path / name)
    assert {(tmp_path / n).read_text() for n in ('a.npz', 'a.csv', 'b.yaml')} == {'precious'}
    assert not (tmp_path / 'b.csv').exists()
    content = content_of(session, 'emg')
    with pytest.raises(SessionError, match='exists already'):
        write_content(content, session.path)
    assert messages(session)


def test_another_ending_is_refused(tmp_path, session):
    with pytest.raises(SessionError, match=r"ends in '\.parquet', expected \.npz or \.csv"):
        export_session(session, tmp_path / 'a.parquet')


def test_samples_that_are_no_numbers_survive(tmp_path):
    data = np.array([[np.nan, 1.0], [np.inf, -np.inf]])
    raw, time_ns = frame(0, data)
    session = Session(write(tmp_path / 's', [('/emg', raw, time_ns)]))
    for ending in READERS:
        file = tmp_path / f't{ending}'
        export_session(session, file)
        np.testing.assert_array_equal(READERS[ending](file).data, data.astype(np.float32))


def change_csv(file, line, column, value):
    """Write another value into a table."""
    lines = file.read_text().splitlines()
    cells = lines[line - 1].split(',')
    cells[column] = value
    lines[line - 1] = ','.join(cells)
    file.write_text('\n'.join(lines) + '\n')


def test_a_table_whose_labels_were_changed_is_two_truths(tmp_path):
    session = Session(write(tmp_path / 's', protocol([(0, 'rest', 0.1), (1, 'fist', 0.1)])))
    export_session(session, tmp_path / 'a.csv')
    change_csv(tmp_path / 'a.csv', 7, -4, '1')
    with pytest.raises(SessionError, match=r"a\.csv, line 7: label 1, expected 0 .*'session'"):
        content_of_csv(tmp_path / 'a.csv')
    export_session(session, tmp_path / 'a.npz')
    arrays = dict(np.load(tmp_path / 'a.npz'))
    arrays['repetitions'][5] = 9
    np.savez(tmp_path / 'b.npz', **arrays)
    with pytest.raises(SessionError, match=r'b\.npz, sample 5: repetition 9, expected -1'):
        content_of_npz(tmp_path / 'b.npz')


def test_a_table_that_lacks_a_line_says_where(tmp_path):
    session = Session(write(tmp_path / 's', protocol([(0, 'rest', 0.1)])))
    export_session(session, tmp_path / 'a.csv')
    lines = (tmp_path / 'a.csv').read_text().splitlines()
    del lines[9]
    (tmp_path / 'a.csv').write_text('\n'.join(lines))
    with pytest.raises(SessionError, match=r'a\.csv, line 10: sample 9, expected 8'):
        content_of_csv(tmp_path / 'a.csv')


@pytest.mark.parametrize(
    ('change', 'fault'),
    [
        (lambda d: d.update(version=99), 'exported in version 99 of the format, expected 1'),
        (lambda d: d.pop('labels'), "part 'session' is damaged"),
        (lambda d: d['stream'].update(channel_names=['one']), 'one column for each channel'),
    ],
)
def test_a_damaged_document_is_named(tmp_path, change, fault):
    session = Session(write(tmp_path / 's', protocol([(0, 'rest', 0.1)])))
    export_session(session, tmp_path / 'a.npz')
    arrays = dict(np.load(tmp_path / 'a.npz'))
    document = json.loads(str(arrays['session']))
    change(document)
    arrays['session'] = np.array(json.dumps(document))
    np.savez(tmp_path / 'b.npz', **arrays)
    with pytest.raises(SessionError, match=fault):
        content_of_npz(tmp_path / 'b.npz')


def test_a_stream_that_changes_is_no_table(tmp_path):
    items = [('/emg', *frame(0, np.zeros((4, 2)))), ('/emg', *frame(4, np.zeros((4, 3))))]
    with pytest.raises(SessionError, match='changes: .*A table holds one format'):
        export_session(Session(write(tmp_path / 's', items)), tmp_path / 'a.npz')


def test_a_message_that_is_rubbish_is_not_left_out_in_silence(tmp_path):
    items = [('/emg', *frame(0, np.zeros((4, 2)))), ('/emg', b'\x00\x01\x00\x00', START_NS + 9)]
    with pytest.raises(SessionError, match='1 messages on /emg that cannot be'):
        export_session(Session(write(tmp_path / 's', items)), tmp_path / 'a.npz')


def test_the_mapping_beside_a_csv_is_one_that_people_can_read(tmp_path, session):
    export_session(session, tmp_path / 'a.csv')
    mapping = yaml.safe_load((tmp_path / 'a.yaml').read_text())
    assert mapping['sampling_rate'] == 2000.0
    assert mapping['channel_names'] == ['Ä, 1', 'B']
    assert (tmp_path / 'a.csv').read_text().splitlines()[0] == (
        'time_s,sample,Ä  1,B,label,repetition,frame,recorded_s'
    )
