"""The command line: private files, and names that do not control the terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.bags import protocol, write

HOSTILE = 'rest\x1b]0;title\x07\x9b31m'


def command(folder, *arguments):
    """Run the command line in a folder with the usual umask."""
    return subprocess.run(
        [sys.executable, '-m', 'myogestic_ros.cli', *arguments],
        capture_output=True,
        text=True,
        check=False,
        umask=0o022,
        cwd=folder,
        env=dict(os.environ, FORCE_COLOR='1', COLUMNS='200'),
    )


@pytest.mark.parametrize(
    ('options', 'folder_mode', 'file_mode'),
    [([], 0o700, 0o600), (['--file-access', 'group'], 0o750, 0o640)],
)
def test_commands_write_private_files(tmp_path, options, folder_mode, file_mode):
    write(tmp_path / 's1', protocol([(0, 'rest', 0.2), (1, 'fist', 0.2)]))
    out = tmp_path / 'new' / 'out.npz'
    done = command(tmp_path, *options, 'sessions', 'export', 's1', str(out), '--folder', '.')
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == file_mode
    assert out.parent.stat().st_mode & 0o777 == folder_mode


def test_names_in_sessions_do_not_control_the_terminal(tmp_path):
    name = 'evil\x1b]0;title\x07'
    write(tmp_path / name, protocol([(0, HOSTILE, 0.2), (1, 'fist', 0.2)]))
    for arguments in (['list', '.'], ['info', name], ['check', name], ['info', 'no\x1b]0;title']):
        done = command(tmp_path, 'sessions', *arguments)
        text = done.stdout + done.stderr
        assert '\\x1b]' in text, (arguments, text)
        for control in ('\x1b]', '\x07', '\x9b'):
            assert control not in text, arguments
