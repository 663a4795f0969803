"""LSL on this machine alone, and only among the processes of one test process.

liblsl reads its configuration when it is loaded: import this module before pylsl.
"""

from __future__ import annotations

import os
import tempfile

CONFIGURATION = """\
[multicast]
ResolveScope = machine
AddressesOverride = {{127.0.0.1}}
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = test-{session}
[ports]
IPv6 = disable
[log]
level = -2
"""

_folder = tempfile.TemporaryDirectory(prefix='lsl-')
_file = os.path.join(_folder.name, 'lsl_api.cfg')
with open(_file, 'w') as file:
    file.write(CONFIGURATION.format(session=os.getpid()))
os.environ['LSLAPICFG'] = _file
