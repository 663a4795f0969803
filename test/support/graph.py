"""A graph of real node processes, and a hand on it, for tests."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any

from myogestic_ros.demo.node_client import NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.demo.ros_domain import reserve_domain

_domains = itertools.cycle(range(1, 101))
for _ in range(os.getpid() % 100):
    next(_domains)

_mine: list[socket] = []

PATIENCE_S = 60.0
"""How long to wait for what takes a second or two on a quiet machine."""


def set_domain() -> None:
    """Let the processes that start from now on talk to one another, and to nobody else."""
    domain, kept = reserve_domain(next(_domains))
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    _mine.append(kept)
    if len(_mine) > 5:  # what ran in the domains before has ended
        _mine.pop(0).close()


@dataclass
class Graph:
    """Running nodes, and an operator that calls their services."""

    nodes: NodeProcesses
    operator: NodeClient
    folder: Path
    said: dict[str, int] = field(default_factory=dict)

    def news(self, node: str) -> str:
        """Return what a node has printed since it was `renewed`."""
        return self.log(node)[self.said.get(node, 0) :]

    def log(self, node: str) -> str:
        """Return what a node has printed."""
        return (self.folder / 'nodes' / f'{node}.log').read_text()

    def wait(self, condition: Any, what: str) -> None:
        """Listen until a condition holds."""
        self.operator.wait(condition, what, PATIENCE_S)


@contextmanager
def graph(folder: Path, **parameters: dict[str, Any]) -> Iterator[Graph]:
    """Start nodes (name=parameters) in a domain of their own, configured; end them all."""
    set_domain()
    with (
        NodeProcesses(folder / 'nodes') as nodes,
        open_node_client(lambda: None) as operator,
    ):
        for name, values in parameters.items():
            folders = {
                'session_dir': str(folder / 'sessions'),
                'model_dir': str(folder / 'models'),
            }
            known = {
                'pipeline': folders,
                # on a busy machine it takes its time; without a driver, nobody is found
                'recorder': {
                    'session_dir': folders['session_dir'],
                    'discovery_timeout': 30.0 if 'driver' in parameters else 0.0,
                },
            }.get(name, {})
            nodes.start(name, {**known, **values})
        for name in parameters:
            operator.transition(name, 'configure')
        yield Graph(nodes, operator, folder)


def renewed(g: Graph) -> None:
    """Take a pipeline node back to the beginning, which is quicker than to start another."""
    if g.operator.is_active('pipeline'):
        g.operator.transition('pipeline', 'deactivate')
    g.operator.transition('pipeline', 'cleanup')
    frames = getattr(g, 'frames', None)
    if frames is not None:
        g.wait(lambda: frames.get_subscription_count() == 0, 'the end of the subscription')
    shutil.rmtree(g.folder / 'models', ignore_errors=True)
    g.said['pipeline'] = len(g.log('pipeline'))
    g.operator.transition('pipeline', 'configure')
    if frames is not None:
        g.wait(lambda: frames.get_subscription_count() == 1, 'the subscription')
    g.operator.predictions.clear()
    g.operator.on_training_log = lambda line: None


def synthetic(**values: Any) -> dict[str, Any]:
    """Return parameters of a driver with a synthetic array."""
    return {'source': 'synthetic', **{f'synthetic.{k}': v for k, v in values.items()}}


def replay(path: Path, **values: Any) -> dict[str, Any]:
    """Return parameters of a driver that replays."""
    return {
        'source': 'replay',
        **{f'replay.{k}': v for k, v in {'path': str(path), **values}.items()},
    }
