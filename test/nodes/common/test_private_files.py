"""Nodes as processes: private files, folders to train on, and names that do not control a terminal."""

from __future__ import annotations

import os

import pytest
from std_srvs.srv import Trigger
from support.bags import protocol, session_in, write
from support.decoder_node import DECODER
from support.graph import graph

from myogestic_ros.nodes.common.printable_logger import PrintableLogger
from myogestic_ros.srv import Train

pytestmark = pytest.mark.processes


@pytest.fixture
def usual_umask():
    """Set the usual umask, which the nodes inherit."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder):
    """Return the modes of all folders and of all files, the folder included."""
    paths = [folder, *folder.rglob('*')]
    return tuple(
        {path.stat().st_mode & 0o777 for path in paths if path.is_dir() == is_folder}
        for is_folder in (True, False)
    )


@pytest.mark.parametrize(
    ('values', 'expected'),
    [({}, ({0o700}, {0o600})), ({'file_access': 'group'}, ({0o750}, {0o640}))],
)
def test_sessions_are_private(tmp_path, usual_umask, values, expected):
    with graph(tmp_path, recorder=values) as g:
        answer = g.operator.call(Trigger, 'recorder/start_recording', Trigger.Request())
        assert answer.success, answer.message
        g.operator.call(Trigger, 'recorder/stop_recording', Trigger.Request())
        assert session_in(answer.message)
    assert modes(tmp_path / 'sessions') == expected


def test_models_are_private_and_train_reads_allowed_sessions_only(tmp_path, usual_umask):
    items = protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)])
    for folder in ('sessions', 'allowed', 'elsewhere'):
        write(tmp_path / folder / 's1', items)
    parameters = {'decoder': DECODER, 'session_paths': [str(tmp_path / 'allowed')]}
    with graph(tmp_path, pipeline=parameters) as g:
        for name in (
            str(tmp_path / 'elsewhere' / 's1'),
            '../elsewhere/s1',
            f'{tmp_path}/allowed/../elsewhere/s1',
            '~nosuchuser/s1',
            '.',
        ):
            answer = g.operator.call(Train, 'pipeline/train', Train.Request(sessions=[name]))
            assert not answer.success, name
            assert 'session_paths' in answer.message, answer.message
        answer = g.operator.call(
            Train, 'pipeline/train', Train.Request(sessions=['no\x1b]0;title\x07'])
        )
        assert not answer.success
        assert '\x1b' not in answer.message
        for name in ('s1', str(tmp_path / 'sessions' / 's1'), str(tmp_path / 'allowed' / 's1')):
            g.operator.train(name)
            g.wait(lambda: g.operator.pipeline_state == 'training', 'training')
            g.wait(lambda: g.operator.pipeline_state == 'idle', 'the end of the training')
            assert 'Saved as' in g.operator.pipeline_message
    folders, files = modes(tmp_path / 'models')
    assert (folders, files) == ({0o700}, {0o600})


def test_log_replaces_control_characters(capfd):
    logger = PrintableLogger('test_private_files')
    for _ in range(2):
        logger.error('name \x1b]0;title\x07\x9b', once=True)
        logger.error('another', once=True)  # another line: not the same "once"
    text = ''.join(capfd.readouterr())
    assert text.count('name \\x1b]0;title\\x07\\x9b') == 1
    assert text.count('another') == 1
    assert '\x07' not in text
