"""A failing callback is logged, and the node keeps running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from support.graph import set_domain

FAILING_NODE = '''
import sys
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run

class Failing(ManagedNode):
    """A node whose timer callback fails every other time."""
    def __init__(self, **kwargs):
        super().__init__('failing', **kwargs)
        self.count = 0
        self.create_timer(0.02, self.step)
    def activate(self):
        print('activated', flush=True)
    def step(self):
        self.count += 1
        if self.count == 20:
            print('still running', flush=True)
        if self.count % 2:
            raise RuntimeError('failed on purpose')
    def deactivate(self):
        print('deactivated', flush=True)

sys.exit(run(Failing))
'''


def test_failing_callback_is_logged_at_most_once_a_second(tmp_path):
    set_domain()
    file = tmp_path / 'failing_node.py'
    file.write_text(FAILING_NODE)
    process = subprocess.Popen(
        [sys.executable, str(file), '--ros-args', '-p', 'autostart:=activate'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, PYTHONUNBUFFERED='1'),
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if 'still running' in line:
            break
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    output = ''.join(lines) + rest
    assert process.returncode == 0, output
    assert 'A callback failed:' in output
    assert 1 <= output.count('RuntimeError: failed on purpose') <= 5  # throttled
    assert 'activated' in output
    assert 'deactivated' in output
