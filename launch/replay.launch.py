"""Replay a session or a recording file (session:=) to the pipeline, which predicts with model:=.

hand:=sim adds bridge and hand; the bridge follows only a replay at rate 1, or one with rosbag2.
"""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    # The player is last, so that the other nodes receive the first samples.
    return describe('pipeline', 'hand', 'bridge', 'player', predict='true', hand='none')
