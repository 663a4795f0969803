"""Start the cues node, which runs guided protocols with the action ~/run_protocol."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('cues')
