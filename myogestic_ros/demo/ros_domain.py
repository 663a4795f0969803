"""A ROS domain of one's own, for graphs that must not disturb one another on one machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['isolated_domain', 'reserve_domain']

FIRST = 77
"""Where the demo begins to look: not 0, where a robot may be, nor what tutorials like."""
DOMAINS = range(1, 101)
"""Those whose ports are below the ones that Linux gives to anybody."""
FIRST_PORT, PORTS_OF_A_DOMAIN = 7400, 250


def reserve_domain(first: int = FIRST) -> tuple[int, socket.socket]:
    """Return a domain that nobody has taken here, and what keeps it until it is closed.

    That is the last UDP port of the domain, which only a 120th participant would need: it is free
    again when the process ends, however that happens.

    Parameters
    ----------
    first : int
        The domain to try first; the others follow.

    Raises
    ------
    RuntimeError
        When all are taken.
    """
    start = DOMAINS.index(first)
    for domain in (*DOMAINS[start:], *DOMAINS[:start]):
        kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            kept.bind(('127.0.0.1', FIRST_PORT + PORTS_OF_A_DOMAIN * (domain + 1) - 1))
        except OSError:
            kept.close()
            continue
        return domain, kept
    raise RuntimeError(f'All ROS domains from {DOMAINS[0]} to {DOMAINS[-1]} are in use here.')


@contextmanager
def isolated_domain() -> Iterator[int | None]:
    """Let what starts meanwhile have a domain of its own, on this machine only.

    Yields it; or None when ``ROS_DOMAIN_ID`` says already which to use.
    """
    if os.environ.get('ROS_DOMAIN_ID'):
        yield None
        return
    domain, kept = reserve_domain()
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    try:
        yield domain
    finally:
        del os.environ['ROS_DOMAIN_ID']
        kept.close()
