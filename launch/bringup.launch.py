"""Bring up driver, recorder, pipeline, and bridge with a simulated hand or a controller.

They come up one after the other. Then the driver streams, recorder and pipeline are idle, and the
bridge is disarmed: nothing moves before ~/arm. cues:=true adds the cues node.
"""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('driver', 'recorder', 'pipeline', 'cues', 'hand', 'bridge')
