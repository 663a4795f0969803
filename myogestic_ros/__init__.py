"""Sample ROS 2 package whose interfaces and nodes share one Python package."""

import os
import pkgutil
import sys
from pathlib import Path

__version__ = '0.1.0'

# The generated modules (myogestic_ros.msg, myogestic_ros.srv) are installed, the
# hand-written ones may be imported from the source tree; join the two folders.
__path__ = pkgutil.extend_path(__path__, __name__)

# The ROS wheels put their ament index at the root of the environment but do not
# announce it, so ament_index_python finds nothing. A sourced ROS does.
if not os.environ.get('AMENT_PREFIX_PATH') and Path(sys.prefix, 'share', 'ament_index').is_dir():
    os.environ['AMENT_PREFIX_PATH'] = sys.prefix
