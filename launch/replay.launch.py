"""Play a session or a recording (path:=) to the pipeline, and to the simulated hand.

With model:=<name> predict:=true the pipeline predicts from the first sample on. The bridge takes
predictions for old when the rate is not 1; hand:=none leaves it out.
"""

from myogestic_ros.nodes.launch_parts import describe


def generate_launch_description():
    # The driver last, so that nobody misses the beginning.
    return describe('pipeline', 'hand', 'bridge', 'driver', source='replay', respawn='false')
