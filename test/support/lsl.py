"""LSL on this machine alone, and only among the processes of one test process.

liblsl reads its configuration when it is loaded: import this module before pylsl.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from myogestic_ros.sources.fakes.lsl_network import VARIABLE, write_configuration

_folder = tempfile.TemporaryDirectory(prefix='lsl-')
os.environ[VARIABLE] = write_configuration(Path(_folder.name), f'test-{os.getpid()}')
