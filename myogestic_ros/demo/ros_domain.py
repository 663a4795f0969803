"""Reserve a ROS domain, so that graphs on one machine do not interfere."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['isolated_domain', 'reserve_domain']

FIRST = 77
"""First domain to try: neither 0, which a robot may use, nor a domain used in tutorials."""
DOMAINS = range(1, 101)
"""Domains whose ports are below the ephemeral port range of Linux."""
FIRST_PORT, PORTS_OF_A_DOMAIN = 7400, 250


def reserve_domain(first: int = FIRST) -> tuple[int, socket.socket]:
    """Return a domain that is not reserved on this machine, and the socket that reserves it.

    The socket binds the last UDP port of the domain, which only a 120th participant would use. The
    port is free again when the socket is closed or the process ends for any reason.

    Parameters
    ----------
    first : int
        Domain to try first; the others follow in order.

    Raises
    ------
    RuntimeError
        If all domains are reserved.
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
    """Set ``ROS_DOMAIN_ID`` to a reserved domain, restricted to this machine.

    Yields the domain, or None if ``ROS_DOMAIN_ID`` is already set.
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
