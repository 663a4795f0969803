"""Nodes as processes: command line, signals, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.graph import set_domain

pytestmark = pytest.mark.processes

NODES = ('driver', 'recorder', 'pipeline')
PROGRAMS = Path(sys.prefix, 'lib', 'myogestic_ros')


def call(node, *arguments):
    """Start a node."""
    set_domain()
    return subprocess.Popen(
        [sys.executable, '-m', f'myogestic_ros.nodes.{node}.node', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize('node', NODES)
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_node_with_exit_code_0(node, number):
    process = call(node, '--ros-args', '-p', 'autostart:=configure', '--log-level', 'debug')
    for line in process.stdout:  # debug output about its services: it is running
        if 'change_state' in line or 'guard' in line or 'Initializing' in line:
            break
    time.sleep(0.5)  # the moment does not matter
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--wrong'], 'unknown arguments: --wrong; parameters are given as --ros-args'),
        (['--ros-args', '-p', 'autostart:=fly'], "autostart: got 'fly', expected one of"),
        (['--ros-args', '--params-file', '/nowhere.yaml'], '/nowhere.yaml'),
        (['--ros-args', '--wrong'], '--wrong'),
    ],
)
def test_invalid_command_line_exits_with_code_2_and_one_sentence(arguments, message):
    process = call('recorder', *arguments)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert message in output
    assert 'Traceback' not in output
    assert len(output.splitlines()) <= 3


def test_value_out_of_range_exits_with_code_2_and_the_parameter():
    process = call('pipeline', '--ros-args', '-p', 'stale_after:=-3.0')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'stale_after' in output
    assert 'Traceback' not in output


def test_integer_is_accepted_for_a_float_parameter():
    process = call('pipeline', '--ros-args', '-p', 'predict_hz:=20', '--log-level', 'debug')
    for line in process.stdout:  # debug output about its services: it is running
        if 'change_state' in line:
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


def test_unknown_parameter_is_warned_about():
    process = call('recorder', '--ros-args', '-p', 'sesion_dir:=x')
    for line in process.stdout:
        if "There is no parameter 'sesion_dir'; it is ignored." in line:
            break
    else:
        pytest.fail('no warning')
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_help_prints_the_docstring_of_the_node():
    process = call('driver', '--help')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 'Stream samples from a source.' in output


@pytest.mark.skipif(not PROGRAMS.is_dir(), reason='not installed by pip here')
@pytest.mark.parametrize('node', NODES)
def test_executable_that_ros2_run_finds_starts(node):
    program = PROGRAMS / node
    assert os.access(program, os.X_OK)
    environment = dict(os.environ, PATH=os.pathsep.join([f'{sys.prefix}/bin', os.environ['PATH']]))
    found = subprocess.run(
        [program, '--help'],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stderr
    assert '~/status' in found.stdout
