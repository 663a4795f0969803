"""Configuration of LSL that keeps fake outlets on this machine, among the processes of one run."""

from __future__ import annotations

from pathlib import Path

__all__ = ['VARIABLE', 'write_configuration']

VARIABLE = 'LSLAPICFG'
"""Environment variable with the path of the configuration; liblsl reads it when it is loaded."""
CONFIGURATION = """\
[multicast]
ResolveScope = machine
AddressesOverride = {{127.0.0.1}}
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = {session}
[ports]
IPv6 = disable
[log]
level = -2
"""


def write_configuration(folder: Path, session: str) -> str:
    """Write a configuration; return its path, the value of `VARIABLE`.

    Parameters
    ----------
    folder : Path
        Folder of the file.
    session : str
        Name of the run: outlets of another one are not seen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / 'lsl_api.cfg'
    file.write_text(CONFIGURATION.format(session=session))
    return str(file)
