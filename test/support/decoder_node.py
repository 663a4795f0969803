"""A pipeline node with a decoder that does what a file says."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from support.bags import protocol, write
from support.graph import graph
from support.paths import SUPPORT

DECODER = str(SUPPORT / 'decoders.py')


@contextmanager
def node_with_a_session(folder):
    """Start a pipeline node with a decoder of the tests, and a session to train on."""
    write(folder / 'sessions' / 's1', protocol([(0, 'rest', 1.0), (1, 'fist', 1.0)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('TEST_MODE_FILE', str(folder / 'mode'))
        with graph(folder, pipeline={'decoder': DECODER}) as g:
            yield g


def hanging_child(g):
    """Start a training that hangs; return the process that it has started."""
    lines: list[str] = []
    g.operator.on_training_log = lines.append
    g.operator.train('s1')
    g.wait(lambda: any(line.startswith('child') for line in lines), 'the child')
    return int(next(line for line in lines if line.startswith('child')).split()[1])
