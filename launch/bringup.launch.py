"""Bring up driver, recorder, pipeline, and bridge with a simulated hand or a controller.

The nodes are brought up one after the other. Then the driver streams, the recorder and the pipeline
are idle, and the bridge is disarmed: the hand does not move before ~/arm is called. cues:=true adds
the cues node.
"""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('driver', 'recorder', 'pipeline', 'cues', 'hand', 'bridge')
