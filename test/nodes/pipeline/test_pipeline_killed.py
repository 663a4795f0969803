"""A pipeline node that is killed during a training."""

from __future__ import annotations

import os

import pytest
from support.decoder_node import hanging_child, node_with_a_session
from support.processes import alive

pytestmark = pytest.mark.processes


def test_training_process_ends_when_the_node_is_killed(tmp_path):
    (tmp_path / 'mode').write_text('hang')
    with node_with_a_session(tmp_path) as own:
        child = hanging_child(own)
        os.kill(own.nodes.pid('pipeline'), 9)
        own.wait(lambda: not alive(child), 'the end of the child')
