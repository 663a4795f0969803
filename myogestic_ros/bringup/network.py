"""The network on which the launched nodes talk."""

from __future__ import annotations

import os

__all__ = ['configure_network']

RANGES = {
    'OFF': 'to processes of this computer only if they share a static peer; discovery is off',
    'LOCALHOST': 'to processes of this computer only',
    'SUBNET': 'to every computer that multicast reaches in the networks of this one',
    'SYSTEM_DEFAULT': 'as the configuration of the middleware says',
}
"""Values of ROS_AUTOMATIC_DISCOVERY_RANGE, with their meaning."""


def configure_network(localhost_only: bool, udp_only: bool) -> str:
    """Set the environment of this process, which nodes and the launch inherit.

    It must be called before the launch creates its own ROS node.

    Parameters
    ----------
    localhost_only : bool
        True: talk to processes of this computer only.
    udp_only : bool
        True: Fast DDS uses UDP only.

    Returns
    -------
    str
        Sentence that states with whom the nodes talk.

    Raises
    ------
    RuntimeError
        If UDP only was asked for, and discovery is limited to this computer: rmw_fastrtps then sets
        the transports itself, with shared memory among them.
    """
    if localhost_only:
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        os.environ['ROS_STATIC_PEERS'] = ''
        os.environ['ROS_LOCALHOST_ONLY'] = '1'  # for ROS 2 Humble
    if udp_only and _range() == 'LOCALHOST':
        raise RuntimeError(
            'udp_only: got true, but it has no effect while the nodes talk to this computer only '
            '(localhost_only:=true or ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST), because rmw_fastrtps '
            'then adds shared memory itself. Use one of the two.'
        )
    if udp_only:
        os.environ['FASTDDS_BUILTIN_TRANSPORTS'] = 'UDPv4'
    return network_sentence()


def _range() -> str:
    if os.environ.get('ROS_LOCALHOST_ONLY') == '1':
        return 'LOCALHOST'
    return os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'SUBNET'


def network_sentence() -> str:
    """Return a sentence that states with whom nodes of this environment talk."""
    scope = _range()
    peers = os.environ.get('ROS_STATIC_PEERS', '').strip(';')
    domain = os.environ.get('ROS_DOMAIN_ID') or '0'
    secure = os.environ.get('ROS_SECURITY_ENABLE', '').lower() == 'true'
    enforced = secure and os.environ.get('ROS_SECURITY_STRATEGY') == 'Enforce'
    transport = os.environ.get('FASTDDS_BUILTIN_TRANSPORTS')
    sentences = [
        f'Network: the nodes talk {RANGES.get(scope, f"as {scope!r} says")}'
        f'{f", and to {peers}" if peers else ""}, in ROS domain {domain}.',
        f'Fast DDS uses {transport}.' if transport else '',
        '' if enforced else 'Without SROS2, everybody who is reached may call every service.',
        '' if scope == 'LOCALHOST' or enforced else 'localhost_only:=true confines them.',
    ]
    return ' '.join(filter(None, sentences))
