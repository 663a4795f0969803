"""Play a session or a recording (session:=) to the pipeline, which predicts with model:=.

hand:=sim adds bridge and hand; the bridge follows only a replay at the rate 1, or one by rosbag2.
"""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    # The player last, so that nobody misses the beginning.
    return describe('pipeline', 'hand', 'bridge', 'player', predict='true', hand='none')
