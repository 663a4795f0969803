"""A signal ends a node within 5 s, whatever hangs: a thread, a transition, or C code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from support.graph import set_domain

HANGING_NODE = '''
import ctypes, sys, threading, time
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run

class Hanging(ManagedNode):
    """A node that never ends."""
    def __init__(self, **kwargs):
        super().__init__('hanging', **kwargs)
        if WHERE == 'thread':
            threading.Thread(target=lambda: time.sleep(1000)).start()
    def activate(self):
        print('activated', flush=True)
    def deactivate(self):
        if WHERE == 'transition':
            time.sleep(1000)
    def destroy_node(self):
        if WHERE == 'destruction':  # in C, without releasing the interpreter
            ctypes.PyDLL(None).sleep(1000)
        super().destroy_node()

sys.exit(run(Hanging))
'''


@pytest.mark.parametrize('where', ['thread', 'transition', 'destruction'])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_hanging_node_ends_and_says_where(tmp_path, where, number):
    set_domain()
    file = tmp_path / 'hanging_node.py'
    file.write_text(f'WHERE = {where!r}\n{HANGING_NODE}')
    process = subprocess.Popen(
        [sys.executable, str(file), '--ros-args', '-p', 'autostart:=activate'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, PYTHONUNBUFFERED='1'),
    )
    for line in process.stdout:
        if 'activated' in line:
            break
    begin = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode in (1, 3), output
    assert 'hanging_node.py", line' in output  # where it hangs
    assert time.monotonic() - begin < 50.0  # 5 s on a quiet machine
