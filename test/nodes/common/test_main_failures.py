"""A callback that fails is reported, and the node lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from support.graph import set_domain

CLUMSY = '''
import sys
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run

class Clumsy(ManagedNode):
    """A node whose timer stumbles every other time."""
    def __init__(self, **kwargs):
        super().__init__('clumsy', **kwargs)
        self.count = 0
        self.create_timer(0.02, self.step)
    def activate(self):
        print('activated', flush=True)
    def step(self):
        self.count += 1
        if self.count == 20:
            print('still walking', flush=True)
        if self.count % 2:
            raise RuntimeError('stumbled')
    def deactivate(self):
        print('deactivated', flush=True)

sys.exit(run(Clumsy))
'''


def test_a_callback_that_fails_is_reported_and_survived(tmp_path):
    set_domain()
    file = tmp_path / 'clumsy.py'
    file.write_text(CLUMSY)
    process = subprocess.Popen(
        [sys.executable, str(file), '--ros-args', '-p', 'autostart:=activate'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, PYTHONUNBUFFERED='1'),
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if 'still walking' in line:
            break
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    output = ''.join(said) + rest
    assert process.returncode == 0, output
    assert 'A callback failed:' in output
    assert 1 <= output.count('RuntimeError: stumbled') <= 5  # not once for each of its failures
    assert 'activated' in output
    assert 'deactivated' in output
